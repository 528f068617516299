/* Takes the sound of keys out of the audio that rtpengine transcodes: loaded into it with LD_PRELOAD.
 *
 * rtpengine hands every decoded frame to the tone detector of libspandsp before it is encoded again. What it makes of the
 * detector's word (DTMF-security=silence) misses tones: it counts samples, a lost packet or an RFC 4733 event is a gap that is
 * not counted, and from the first gap on it silences the wrong place (docs/adr/0020-tones-are-taken-out-by-a-filter.md). So
 * this file stands in for the detector, reports nothing, and does the work itself, in the frame: what comes out is the voice
 * of DELAY samples ago, with silence where a key sounded. No clock, no list of events, nothing that a gap could shift.
 *
 * A window in which one row and one column of the keypad (ITU-T Q.23) hold most of the energy is a key. Windows overlap by
 * seven eighths, and all of a window is silenced: the first one that is recognised begins before the tone does, the last one
 * ends after it. It listens far below the level at which a receiver may stop (Q.24), and it errs towards silence.
 *
 * Frames are 8 kHz, 16 bit, one channel: rtpengine resamples everything else into a copy, which is why the router lets
 * nothing but G.711 through a leg that is fenced this way. No allocation after the beginning, no system call, no log.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 160, HOP = 20, GUARD = 80, DELAY = WINDOW + GUARD, RING = 2 * DELAY };

static const float QUIET = 20.0f * 20.0f;   /* mean square below which nothing is audible */
static const float EACH = 0.08f;           /* share of the energy that the row, and the column, must hold */
static const float TOGETHER = 0.42f;

/* 2 cos(2 pi f / 8000) */
static const float ROWS[4] = {1.7077378f, 1.6452810f, 1.5686869f, 1.4782046f};      /* 697 770 852 941 Hz */
static const float COLUMNS[4] = {1.1641039f, 0.9963702f, 0.7986184f, 0.5685327f};   /* 1209 1336 1477 1633 Hz */

/* What rtpengine takes for libspandsp's state: it never looks inside. */
typedef struct dtmf_rx_state_s {
    int16_t heard[RING];        /* the last samples, by their number modulo RING */
    uint8_t silenced[RING];
    uint64_t count;             /* samples taken so far */
    int ringing_on;             /* so many samples to come are silenced too */
} dtmf_rx_state_t;

typedef void (*digits_callback)(void *user, const char *digits, int length);
typedef void (*tone_callback)(void *user, int code, int level, int delay);

static float strongest(const float *window, const float *coefficients)
{
    float most = 0.0f;
    for (int i = 0; i < 4; i++) {
        const float factor = coefficients[i];
        float last = 0.0f, before = 0.0f;
        for (int n = 0; n < WINDOW; n++) {
            const float next = window[n] + factor * last - before;
            before = last;
            last = next;
        }
        const float power = last * last + before * before - factor * last * before;
        if (power > most)
            most = power;
    }
    return most;
}

static int is_key(const float *window)
{
    float energy = 0.0f;
    for (int n = 0; n < WINDOW; n++)
        energy += window[n] * window[n];
    if (energy < QUIET * WINDOW)
        return 0;
    const float whole = energy * (WINDOW / 2.0f);
    const float row = strongest(window, ROWS) / whole;
    if (row < EACH)
        return 0;
    const float column = strongest(window, COLUMNS) / whole;
    return column >= EACH && row + column >= TOGETHER;
}

static void look(dtmf_rx_state_t *s)
{
    float window[WINDOW];
    for (int n = 0; n < WINDOW; n++)
        window[n] = s->heard[(s->count + RING - WINDOW + n) % RING];
    if (!is_key(window))
        return;
    for (int n = 0; n < WINDOW + GUARD; n++)
        s->silenced[(s->count + RING - WINDOW - GUARD + n) % RING] = 1;
    s->ringing_on = GUARD;
}

dtmf_rx_state_t *dtmf_rx_init(dtmf_rx_state_t *s, digits_callback digits, void *user)
{
    (void)digits;
    (void)user;
    if (s == NULL)
        s = malloc(sizeof *s);
    if (s != NULL)
        memset(s, 0, sizeof *s);
    return s;
}

/* Keys are not reported: then rtpengine cannot log them either. */
void dtmf_rx_set_realtime_callback(dtmf_rx_state_t *s, tone_callback callback, void *user)
{
    (void)s;
    (void)callback;
    (void)user;
}

/* libspandsp promises not to write here; the caller's buffer is its own frame, on its way to the encoder. */
int dtmf_rx(dtmf_rx_state_t *s, const int16_t amp[], int samples)
{
    int16_t *frame = (int16_t *)amp;
    for (int i = 0; i < samples; i++) {
        const unsigned int at = s->count % RING, leaving = (s->count + RING - DELAY) % RING;
        const int16_t old = s->silenced[leaving] ? 0 : s->heard[leaving];
        s->heard[at] = frame[i];
        s->silenced[at] = s->ringing_on > 0;
        s->ringing_on -= s->ringing_on > 0;
        frame[i] = old;
        s->count++;
        if (s->count % HOP == 0)
            look(s);
    }
    return 0;
}

/* A gap: what is held belongs to before it, and is not worth a risk. */
int dtmf_rx_fillin(dtmf_rx_state_t *s, int samples)
{
    (void)samples;
    memset(s->heard, 0, sizeof s->heard);
    return 0;
}

int dtmf_rx_free(dtmf_rx_state_t *s)
{
    free(s);
    return 0;
}
