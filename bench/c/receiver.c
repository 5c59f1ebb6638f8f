/* The load: opens WebSocket connections to a server and counts the data frames that come.
 *
 *     receiver PORT PATH CONNECTIONS [TEXT]
 *
 * Every connection sends TEXT as one message once it is open. When all are open the program prints `ready`; for
 * every byte on standard input it prints how many frames have come until then. The end of input ends it. Pings
 * are answered.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { EVENTS = 256, READ_BYTES = 1 << 18, RETRIES = 400, RETRY_US = 50000, HANDSHAKE_S = 30 };
enum { CLOSE = 8, PING = 9 };

struct connection {
    int fd;
    uint64_t rest; /* of the frame at hand, without what of its head is missing */
    int head_size;
    uint8_t head[10];
};

static uint64_t frame_count;
static char buffer[READ_BYTES];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void send_all(int fd, const char *data, size_t size) {
    for (ssize_t sent; size; data += sent, size -= (size_t)sent)
        if ((sent = send(fd, data, size, MSG_NOSIGNAL)) < 0)
            die("send");
}

/* A frame from a client is masked; with a key of zeros the payload stays as it is. */
static void send_frame(int fd, int opcode, const char *text) {
    size_t size = strlen(text), head = size < 126 ? 6 : 8;
    char frame[8 + 4096] = {(char)(0x80 | opcode), (char)(0x80 | (size < 126 ? size : 126))};
    if (size > 4096)
        exit(2);
    if (size >= 126)
        frame[2] = (char)(size >> 8), frame[3] = (char)size;
    memcpy(frame + head, text, size);
    send_all(fd, frame, head + size);
}

static void on_head(struct connection *connection) {
    int opcode = connection->head[0] & 15;
    if (opcode == CLOSE) {
        fprintf(stderr, "receiver: the server closed a connection\n");
        exit(3);
    }
    if (opcode == PING)
        send_frame(connection->fd, 10, "");
    frame_count += opcode < CLOSE;
}

static int head_length(const uint8_t *head) { return (head[1] & 127) == 127 ? 10 : (head[1] & 127) == 126 ? 4 : 2; }

static uint64_t payload_size(const uint8_t *head) {
    uint64_t size = head[1] & 127;
    if (size >= 126) {
        int length = size == 126 ? 2 : 8;
        size = 0;
        for (int i = 0; i < length; i++)
            size = size << 8 | head[2 + i];
    }
    return size;
}

static void take_in(struct connection *connection, const char *data, size_t size) {
    while (size) {
        if (connection->rest) {
            size_t skipped = connection->rest < size ? connection->rest : size;
            connection->rest -= skipped, data += skipped, size -= skipped;
            continue;
        }
        connection->head[connection->head_size++] = (uint8_t)*data++, size--;
        if (connection->head_size >= 2 && connection->head_size == head_length(connection->head)) {
            connection->rest = payload_size(connection->head);
            connection->head_size = 0;
            on_head(connection);
        }
    }
}

static int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < RETRIES; i++, usleep(RETRY_US)) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
        if (fd < 0)
            die("socket");
        struct timeval patience = {.tv_sec = HANDSHAKE_S};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (!connect(fd, (struct sockaddr *)&address, sizeof address))
            return fd;
        close(fd);
    }
    die("connect");
    return -1;
}

static void upgrade(struct connection *connection, int port, const char *path) {
    char request[1024];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path, port);
    send_all(connection->fd, request, (size_t)size);
    size_t got = 0;
    char *end = NULL;
    while (!end) {
        ssize_t more = recv(connection->fd, buffer + got, sizeof buffer - 1 - got, 0);
        if (more <= 0) {
            fprintf(stderr, "receiver: no answer to a handshake\n");
            exit(3);
        }
        got += (size_t)more;
        buffer[got] = 0;
        end = strstr(buffer, "\r\n\r\n");
    }
    if (strncmp(buffer, "HTTP/1.1 101", 12) || !strstr(buffer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
        fprintf(stderr, "receiver: refused: %.60s\n", buffer);
        exit(3);
    }
    end += 4;
    take_in(connection, end, got - (size_t)(end - buffer));
}

static void on_input(struct connection *connection) {
    ssize_t got = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0)
        take_in(connection, buffer, (size_t)got);
    else if (got == 0 || errno != EAGAIN) {
        fprintf(stderr, "receiver: the server hung up\n");
        exit(3);
    }
}

static void answer(void) {
    char asked;
    if (read(0, &asked, 1) <= 0)
        exit(0);
    printf("%llu\n", (unsigned long long)frame_count);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    int port = atoi(argv[1]), count = atoi(argv[3]), epoll_fd = epoll_create1(0);
    struct connection *connections = calloc((size_t)count, sizeof *connections);
    for (int i = 0; i < count; i++) {
        connections[i].fd = connect_to(port);
        upgrade(&connections[i], port, argv[2]);
        if (argc > 4)
            send_frame(connections[i].fd, 1, argv[4]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connections[i].fd, &event))
            die("epoll_ctl");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &event);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].data.ptr)
                on_input(events[i].data.ptr);
            else
                answer();
    }
}
