/* The limit: an epoll WebSocket server that does nothing but send one prebuilt frame to everyone, tick after tick.
 *
 *     sender PORT TEXT
 *
 * Standard input says, line by line, how many frames each tick writes to every connection (in one send);
 * 0 rests, the end of input ends the program. A tick begins only when every byte of the last one is written.
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
#include <unistd.h>

enum { EVENTS = 256, REQUEST_BYTES = 4096, MOST_FRAMES = 64, MOST_CONNECTIONS = 1 << 16 };

struct connection {
    int fd;
    int open;
    size_t unsent; /* bytes of the tick at hand */
    size_t request_size;
    char request[REQUEST_BYTES];
};

static int epoll_fd;
static struct connection *connections[MOST_CONNECTIONS];
static int connection_count;
static int blocked_count;

static char *frames; /* MOST_FRAMES copies of the frame */
static size_t frame_size;
static size_t tick_size;

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* SHA-1 of at most 119 bytes (RFC 3174). */

static uint32_t rotate(uint32_t word, int by) { return word << by | word >> (32 - by); }

static void sha1_block(uint32_t state[5], const uint8_t *block) {
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                              : (b ^ c ^ d) + 0xCA62C1D6;
        uint32_t next = rotate(a, 5) + f + e + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

static void sha1(const char *text, size_t size, uint8_t digest[20]) {
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[128] = {0};
    size_t total = size < 56 ? 64 : 128;
    memcpy(padded, text, size);
    padded[size] = 0x80;
    padded[total - 2] = (uint8_t)(size * 8 >> 8);
    padded[total - 1] = (uint8_t)(size * 8);
    for (size_t at = 0; at < total; at += 64)
        sha1_block(state, padded + at);
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - i % 4 * 8));
}

/* Sec-WebSocket-Accept: base64 of the digest of key and GUID (RFC 6455, 4.2.2). */
static void accept_key(const char *key, size_t key_size, char accept[29]) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[64 + 37];
    uint8_t digest[21] = {0};
    int size = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)key_size, key);
    sha1(text, (size_t)size, digest);
    for (int i = 0; i < 7; i++) {
        uint32_t bits = (uint32_t)digest[3 * i] << 16 | digest[3 * i + 1] << 8 | digest[3 * i + 2];
        for (int j = 0; j < 4; j++)
            accept[4 * i + j] = alphabet[bits >> (18 - 6 * j) & 63];
    }
    accept[27] = '=';
    accept[28] = 0;
}

static void watch(struct connection *connection, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(epoll_fd, operation, connection->fd, &event))
        die("epoll_ctl");
}

static void greet(struct connection *connection) {
    connection->request[connection->request_size] = 0;
    if (!strstr(connection->request, "\r\n\r\n"))
        return;
    char *key = strcasestr(connection->request, "sec-websocket-key:");
    if (!key)
        exit(2);
    key += strlen("sec-websocket-key:");
    key += strspn(key, " ");
    char accept[29], response[256];
    accept_key(key, strcspn(key, " \r"), accept);
    int size = snprintf(response, sizeof response,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n",
                        accept);
    if (send(connection->fd, response, (size_t)size, MSG_NOSIGNAL) != size)
        die("send");
    connection->open = 1;
}

static void on_input(struct connection *connection) {
    char ignored[4096];
    int open = connection->open;
    char *into = open ? ignored : connection->request + connection->request_size;
    size_t room = open ? sizeof ignored : REQUEST_BYTES - 1 - connection->request_size;
    ssize_t got = recv(connection->fd, into, room, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        exit(0); /* the load has gone */
    if (got > 0 && !open) {
        connection->request_size += (size_t)got;
        greet(connection);
    }
}

static void on_listening(int listening) {
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0 || connection_count == MOST_CONNECTIONS)
        return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    connection->fd = fd;
    connections[connection_count++] = connection;
    watch(connection, EPOLLIN, EPOLL_CTL_ADD);
}

static void on_orders(void) {
    char line[64];
    ssize_t got = read(0, line, sizeof line - 1);
    if (got <= 0)
        exit(0);
    line[got] = 0;
    while (got > 1 && line[got - 2] != '\n')
        got--;
    size_t messages = (size_t)atoi(line + got - 1);
    tick_size = frame_size * (messages > MOST_FRAMES ? MOST_FRAMES : messages);
}

static void send_rest(struct connection *connection, size_t size) {
    ssize_t sent = send(connection->fd, frames + size - connection->unsent, connection->unsent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        exit(0); /* the load has gone */
    connection->unsent -= sent > 0 ? (size_t)sent : 0;
}

static void tick(void) {
    for (int i = 0; i < connection_count; i++) {
        struct connection *connection = connections[i];
        if (!connection->open)
            continue;
        connection->unsent = tick_size;
        send_rest(connection, tick_size);
        if (connection->unsent) {
            blocked_count++;
            watch(connection, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        }
    }
}

static void on_writable(struct connection *connection, size_t size) {
    send_rest(connection, size);
    if (!connection->unsent) {
        blocked_count--;
        watch(connection, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096))
        die("listen");
    return fd;
}

static void build_frames(const char *text) {
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    frame_size = head + size;
    frames = malloc(frame_size * MOST_FRAMES);
    for (char *at = frames; at < frames + frame_size * MOST_FRAMES; at += frame_size) {
        at[0] = (char)0x81;
        at[1] = (char)(head == 2 ? size : 126);
        if (head == 4)
            at[2] = (char)(size >> 8), at[3] = (char)size;
        memcpy(at + head, text, size);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    build_frames(argv[2]);
    int listening = listen_on(atoi(argv[1]));
    struct connection listener = {.fd = listening}, orders = {.fd = 0};
    epoll_fd = epoll_create1(0);
    watch(&listener, EPOLLIN, EPOLL_CTL_ADD);
    watch(&orders, EPOLLIN, EPOLL_CTL_ADD);
    size_t size = 0; /* of the tick whose bytes are still on their way */
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll_fd, events, EVENTS, tick_size && !blocked_count ? 0 : -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == &listener)
                on_listening(listening);
            else if (connection == &orders)
                on_orders();
            else if (events[i].events & EPOLLOUT)
                on_writable(connection, size);
            else
                on_input(connection);
        }
        if (tick_size && !blocked_count) {
            size = tick_size;
            tick();
        }
    }
}
