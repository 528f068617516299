/* Says for each line that Kamailio would log whether it may: loaded into it with LD_PRELOAD.
 *
 * Kamailio's core prints the message that it cannot read, an INFO and its digits included, as an error; its modules do so as INFO and
 * DEBUG. The module `debugger` gives each of them a level of its own (router/quiet.cfg), and with it comes a look at every statement of
 * the script: a tenth of what Callseal adds to a call. This is the same table without the look. Kamailio asks it through the call that
 * `debugger` uses, and no other part of Kamailio is touched.
 *
 * It says that it is there (WITH_LOG_DOOR in the environment), and the configuration loads `debugger` where it does not: a library that
 * is missing, or a Kamailio without that call, costs time and lets no line through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { CRITICAL = -2, WARNING = 0, NOTICE = 1 };        /* Kamailio's L_CRIT, L_WARN, L_NOTICE */

typedef int level_of(char *module, int length, int *level);

static const int *process, *alone;

/* 0: *level is the highest that this module ("core": none) may log, whatever `debug` and -d say. -1: as they say. */
static int level(char *module, int length, int *level)
{
    if (length == 4 && memcmp(module, "core", 4) == 0) {
        /* The main process reads the configuration, and its errors are for the operator to see. Messages are read by the others. */
        if (*process == 0 && *alone == 0)
            return -1;
        *level = CRITICAL;
    } else if (length == 3 && memcmp(module, "tls", 3) == 0) {
        *level = WARNING;       /* or it says for every connection that the router decides who is believed */
    } else {
        *level = NOTICE;
    }
    return 0;
}

__attribute__((constructor)) static void open_door(void)
{
    void (*ask)(level_of *) = (void (*)(level_of *))dlsym(RTLD_DEFAULT, "set_module_debug_level_cb");

    process = dlsym(RTLD_DEFAULT, "process_no");
    alone = dlsym(RTLD_DEFAULT, "dont_fork");
    unsetenv("WITH_LOG_DOOR");
    if (!ask || !process || !alone || setenv("WITH_LOG_DOOR", "1", 1) != 0)
        return;
    ask(level);
}
