/* SPDX-License-Identifier: MIT */
/*
 * Class int: two mixtures. 'core' does what embedded benchmarks do (lists, small matrices, a state
 * machine over text, a bitwise CRC), 'dhry' what programs of records and strings do. Neither is one
 * of the well-known benchmarks: their results can't be compared with these.
 */
#include "bench.h"

#define NOINLINE __attribute__((noinline))

/* ---- core: linked list ---- */
#define NODES 200

struct node {
    struct node *next;
    int16_t key, data;
};

static struct node nodes[NODES];

static struct node *list_make(uint32_t seed)
{
    for (int i = 0; i < NODES; i++) {
        nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
        nodes[i].key = (int16_t)random_next(&seed);
        nodes[i].data = (int16_t)(i * 3);
    }
    return nodes;
}

static NOINLINE struct node *list_reverse(struct node *list)
{
    struct node *done = NULL;

    while (list) {
        struct node *next = list->next;

        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static NOINLINE struct node *list_find(struct node *list, int16_t key)
{
    while (list && list->key != key)
        list = list->next;
    return list;
}

/* Merge sort of a list from the bottom up. */
static NOINLINE struct node *list_sort(struct node *list)
{
    for (int run = 1;; run *= 2) {
        struct node *p = list, *tail = NULL;
        int merges = 0;

        list = NULL;
        while (p) {
            struct node *q = p;
            int p_len = 0, q_len = run;

            merges++;
            while (p_len < run && q) {
                p_len++;
                q = q->next;
            }
            while (p_len > 0 || (q_len > 0 && q)) {
                struct node *e;

                if (p_len == 0 || (q_len > 0 && q && q->key < p->key)) {
                    e = q;
                    q = q->next;
                    q_len--;
                } else {
                    e = p;
                    p = p->next;
                    p_len--;
                }
                if (tail)
                    tail->next = e;
                else
                    list = e;
                tail = e;
            }
            p = q;
        }
        tail->next = NULL;
        if (merges <= 1)
            return list;
    }
}

static uint32_t core_list(uint32_t seed)
{
    struct node *list = list_make(seed);
    uint32_t sum = 0;

    for (int i = 0; i < 24; i++) {
        struct node *n = list_find(list, nodes[(i * 37) % NODES].key);

        sum += n ? (uint16_t)n->data : 1;
        list = list_reverse(list);
    }
    for (list = list_sort(list); list; list = list->next)
        sum = sum_add(sum, (uint16_t)list->key);
    return sum;
}

/* ---- core: matrices of 16-bit numbers ---- */
#define SIDE 14

static int16_t matrix_a[SIDE][SIDE], matrix_b[SIDE][SIDE];
static int32_t matrix_c[SIDE][SIDE];

static uint32_t core_matrix(uint32_t seed)
{
    uint32_t sum = 0;

    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            matrix_a[i][j] = (int16_t)random_next(&seed);
            matrix_b[i][j] = (int16_t)(matrix_a[i][j] + i - j);
        }
    }
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            int32_t t = 0;

            for (int k = 0; k < SIDE; k++)
                t += matrix_a[i][k] * matrix_b[k][j];
            matrix_c[i][j] = t;
        }
    }
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++)
            sum += (uint32_t)(matrix_c[i][j] >> 2 & 0xf) * (uint32_t)(matrix_c[i][j] >> 5 & 0x7f);
    }
    return sum;
}

/* ---- core: a state machine that tells numbers in text ---- */
enum state { START, SIGN, DIGITS, POINT, FRACTION, EXPONENT, SCIENTIFIC, INVALID, STATES };

static enum state number_kind(const char **text, unsigned *counts)
{
    enum state s = START;
    const char *p = *text;

    for (; *p && *p != ','; p++) {
        bool digit = *p >= '0' && *p <= '9';

        switch (s) {
        case START:
            s = digit ? DIGITS : *p == '+' || *p == '-' ? SIGN : *p == '.' ? POINT : INVALID;
            break;
        case SIGN: s = digit ? DIGITS : *p == '.' ? POINT : INVALID; break;
        case DIGITS: s = digit ? DIGITS : *p == '.' ? FRACTION : INVALID; break;
        case POINT:
        case FRACTION: s = digit ? FRACTION : *p == 'e' || *p == 'E' ? EXPONENT : INVALID; break;
        case EXPONENT: s = *p == '+' || *p == '-' || digit ? SCIENTIFIC : INVALID; break;
        case SCIENTIFIC: s = digit ? SCIENTIFIC : INVALID; break;
        default: break;
        }
        counts[s]++;
    }
    *text = *p ? p + 1 : p;
    return s;
}

static NOINLINE uint32_t core_states(void)
{
    const char *text = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,"
                       "-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^";
    unsigned counts[STATES] = { 0 };
    uint32_t sum = 0;

    while (*text)
        sum = sum_add(sum, (uint32_t)number_kind(&text, counts));
    for (int i = 0; i < STATES; i++)
        sum = sum_add(sum, counts[i]);
    return sum;
}

/* ---- core: CRC-16, a bit at a time ---- */
static NOINLINE uint16_t crc16(uint32_t value, uint16_t crc)
{
    for (int i = 0; i < 32; i++, value >>= 1)
        crc = (uint16_t)((crc ^ value) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    return crc;
}

static uint32_t core_run(void)
{
    uint32_t sum = 0;
    uint16_t crc = 0;

    for (uint32_t i = 1; i <= 60; i++) {
        uint32_t list = core_list(i * 2654435761u);
        uint32_t matrix = core_matrix(i * 40503u);
        uint32_t states = core_states();

        crc = crc16(list, crc);
        crc = crc16(matrix, crc);
        crc = crc16(states, crc);
        sum = sum_add(sum, crc);
    }
    return sum;
}

/* ---- dhry: records, strings, enumerations, calls ---- */
enum colour { RED, GREEN, BLUE, WHITE };

struct record {
    struct record *link;
    enum colour colour;
    int number;
    char name[31];
};

static struct record record_a, record_b;
static int dhry_array[50], dhry_grid[50][50];
static bool dhry_flag;

static NOINLINE void text_copy(char *to, const char *from)
{
    while ((*to++ = *from++))
        ;
}

static NOINLINE int text_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static NOINLINE enum colour next_colour(enum colour c, int number)
{
    switch (c) {
    case RED: return number > 100 ? GREEN : BLUE;
    case GREEN: return dhry_flag ? WHITE : RED;
    case BLUE: return GREEN;
    default: return RED;
    }
}

static NOINLINE void record_step(struct record *r, int number)
{
    struct record *next = r->link;

    next->number = r->number + number;
    next->colour = next_colour(r->colour, next->number);
    if (next->colour == GREEN)
        next->number += 10;
    else
        text_copy(next->name, r->name);
    dhry_flag = !dhry_flag;
}

static NOINLINE void grid_step(int at, int value)
{
    int at_5 = at + 5;

    dhry_array[at_5] = value;
    dhry_array[at_5 + 1] = dhry_array[at_5];
    dhry_array[at_5 + 30] = at_5;
    for (int i = at_5; i <= at_5 + 1; i++)
        dhry_grid[at_5][i] = at_5;
    dhry_grid[at_5][at_5 - 1]++;
    dhry_grid[at_5 + 20][at_5] = dhry_array[at_5];
}

static uint32_t dhry_run(void)
{
    char first[31], second[31];
    uint32_t sum = 0;
    int quotient = 7;

    record_a = (struct record){ &record_b, RED, 1, "RECORDS AND STRINGS, FIRST ONE" };
    record_b = (struct record){ &record_a, BLUE, 2, "RECORDS AND STRINGS, OTHER ONE" };
    dhry_flag = false;
    for (int i = 0; i < 50; i++) {
        dhry_array[i] = 0;
        for (int j = 0; j < 50; j++)
            dhry_grid[i][j] = 0;
    }
    text_copy(first, "RECORDS AND STRINGS, 1'ST PART");
    for (int i = 1; i <= 20000; i++) {
        text_copy(second,
                  i & 1 ? "RECORDS AND STRINGS, 2'ND PART" : "RECORDS AND STRINGS, 3'RD PART");
        if (text_compare(first, second) < 0)
            quotient += 3;
        grid_step(i % 10, quotient);
        record_step(&record_a, i % 150);
        record_step(&record_b, -(i % 97));
        if (text_compare(record_a.name, record_b.name) > 0)
            quotient--;
        quotient = (quotient * 5 - 7) / (1 + i % 7);
        sum += (uint32_t)quotient;
    }
    sum = sum_add(sum, (uint32_t)record_a.number);
    sum = sum_add(sum, record_b.colour);
    for (int i = 0; i < 50; i++)
        sum = sum_add(sum, (uint32_t)(dhry_array[i] + dhry_grid[i][i]));
    return sum;
}

const struct program core_programs[] = {
    { "core", "int", 28, 0, NULL, core_run },
    { "dhry", "int", 13, 0, NULL, dhry_run },
    { 0 },
};
