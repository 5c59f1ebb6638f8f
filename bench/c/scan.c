/* The limit: reads every byte of every frame once and turns each run of digits into an integer; no book, no checks.
 *
 *     scan FILE ROUNDS
 *
 * FILE holds frames, one a line. Prints the fastest round's nanoseconds per frame.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int count, char **arguments) {
    if (count != 3)
        return 2;
    FILE *file = fopen(arguments[1], "rb");
    if (!file)
        return 1;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(size);
    if (!text || fread(text, 1, size, file) != size)
        return 1;
    fclose(file);
    size_t frames = 0;
    for (size_t i = 0; i < size; i++)
        frames += text[i] == '\n';
    double best = 1e18;
    uint64_t sum = 0;
    for (int round = atoi(arguments[2]); round > 0; round--) {
        double start = now_ns();
        uint64_t value = 0;
        for (const char *at = text, *end = text + size; at != end; at++) {
            unsigned digit = (unsigned char)*at - '0';
            if (digit < 10) {
                value = value * 10 + digit;
            } else {
                sum ^= value;
                value = 0;
            }
        }
        double taken = now_ns() - start;
        best = taken < best ? taken : best;
    }
    printf("%.1f %llu\n", best / (double)frames, (unsigned long long)sum);
    return 0;
}
