/* Says one line to a TLS server as Kamailio does it: connect(), then SSL_connect(). Arguments: address, port, file of authorities.
 * (The headers of OpenSSL are not needed for this; its functions are declared here.) */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
extern const void *TLS_client_method(void);
extern SSL_CTX *SSL_CTX_new(const void *method);
extern int SSL_CTX_load_verify_locations(SSL_CTX *ctx, const char *file, const char *path);
extern void SSL_CTX_set_verify(SSL_CTX *ctx, int mode, void *callback);
extern SSL *SSL_new(SSL_CTX *ctx);
extern int SSL_set_fd(SSL *ssl, int fd);
extern int SSL_connect(SSL *ssl);
extern int SSL_write(SSL *ssl, const void *data, int length);
extern int SSL_shutdown(SSL *ssl);

int main(int count, char **words)
{
    struct sockaddr_storage where = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&where;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&where;
    if (count != 4)
        return 2;
    if (inet_pton(AF_INET, words[1], &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((unsigned short)atoi(words[2]));
    } else {
        inet_pton(AF_INET6, words[1], &six->sin6_addr);
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((unsigned short)atoi(words[2]));
    }
    const int fd = socket(where.ss_family, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&where, where.ss_family == AF_INET ? sizeof *four : sizeof *six) != 0)
        return 3;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(ctx, 1, NULL);
    SSL *ssl = SSL_CTX_load_verify_locations(ctx, words[3], NULL) == 1 ? SSL_new(ctx) : NULL;
    if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        return 4;
    SSL_write(ssl, "INVITE\n", 7);
    SSL_shutdown(ssl);
    return 0;
}
