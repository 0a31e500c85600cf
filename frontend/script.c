/* SPDX-License-Identifier: MIT */
#include "frontend/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frontend/front.h"
#include "frontend/monitor.h"
#include "frontend/shot.h"
#include "frontend/text.h"

#define DEFAULT_WAIT_NS 60000000000ull
#define SERIAL_KEEP (1u << 18) /* output that is kept for matching and for the report */
#define MAX_REJECTS 16
#define KEY_HOLD_MS 60

enum verb {
    V_EXPECT, V_REJECT, V_TYPE, V_SEND, V_KEY, V_MOUSE, V_BUTTON, V_SCREENDUMP, V_SCREENTEXT,
    V_SAVE, V_STOP_AT, V_QUIT, V_SLEEP, V_MONITOR, V_HASH, V_EXIT, V_BUDGET,
};

/* What follows a verb: w = "screen" or "serial", t = a word or string, T = the rest of the line as
 * words, n = a number, i = a signed number, s = seconds, S = seconds, optional. */
static const struct { const char *name, *args; enum verb verb; } verbs[] = {
    { "expect", "wtS", V_EXPECT }, { "reject", "wt", V_REJECT }, { "type", "t", V_TYPE },
    { "send", "t", V_SEND }, { "sendkey", "T", V_KEY }, { "key", "T", V_KEY },
    { "mouse", "ii", V_MOUSE }, { "button", "n", V_BUTTON }, { "screendump", "t", V_SCREENDUMP },
    { "screentext", "", V_SCREENTEXT }, { "save", "t", V_SAVE }, { "stop-at", "n", V_STOP_AT },
    { "quit", "", V_QUIT }, { "sleep", "s", V_SLEEP }, { "monitor", "t", V_MONITOR },
    { "hash", "", V_HASH }, { "exit", "n", V_EXIT }, { "budget", "n", V_BUDGET },
};

struct step {
    enum verb verb;
    unsigned line;
    bool serial;
    char *text;
    uint64_t n;   /* number, or nanoseconds */
    int64_t i[2];
};

struct reject {
    bool serial;
    const char *text;
    size_t from; /* serial: offset in all of the output from where it counts */
};

struct script {
    const struct opts *o;
    struct front *f;
    const char *name; /* for messages */
    struct step *step;
    unsigned num, cap, at;
    bool begun;          /* the current step has started */
    uint64_t until;      /* of the current step */
    uint64_t start, budget;
    unsigned buttons;
    struct reject reject[MAX_REJECTS];
    unsigned num_rejects;
    struct text serial;  /* its end */
    size_t serial_gone;  /* bytes of output before serial.s */
    size_t matched;      /* offset in all of the output up to which expect has matched */
    char stop_at[24];
    bool done, failed;
};

struct script *script_new(const struct opts *o)
{
    struct script *s = front_alloc(sizeof *s);

    s->o = o;
    s->name = o->script ? o->script : "command line";
    return s;
}

void script_free(struct script *s)
{
    if (!s)
        return;
    for (unsigned k = 0; k < s->num; k++)
        free(s->step[k].text);
    free(s->step);
    text_free(&s->serial);
    free(s);
}

/* ---- reading */

static struct step *new_step(struct script *s)
{
    if (s->num == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        struct step *p = front_alloc(s->cap * sizeof *p);
        if (s->num)
            memcpy(p, s->step, s->num * sizeof *p);
        free(s->step);
        s->step = p;
    }
    return &s->step[s->num++];
}

static bool argument(struct step *st, char kind, const char *word, unsigned *num_i)
{
    char *end;

    switch (kind) {
    case 'w':
        st->serial = !strcmp(word, "serial");
        return st->serial || !strcmp(word, "screen");
    case 't':
        st->text = front_strdup(word);
        return true;
    case 'n':
        return text_number(word, &st->n);
    case 'i':
        st->i[*num_i] = strtol(word, &end, 10);
        (*num_i)++;
        return end != word && !*end;
    default: /* s, S */
        return text_seconds(word, &st->n);
    }
}

bool script_add(struct script *s, const char *line, unsigned number, char *why)
{
    struct text word = { 0 };
    const char *p = line;
    unsigned num_i = 0;
    size_t v;

    while (isspace((unsigned char)*p))
        p++;
    if (!*p || *p == '#')
        return true;
    text_word(&p, &word);
    for (v = 0; v < sizeof verbs / sizeof verbs[0]; v++)
        if (!strcmp(verbs[v].name, text_str(&word)))
            break;
    if (v == sizeof verbs / sizeof verbs[0]) {
        snprintf(why, 200, "%s:%u: unknown statement \"%.40s\"", s->name, number, text_str(&word));
        text_free(&word);
        return false;
    }
    struct step *st = new_step(s);
    *st = (struct step){ .verb = verbs[v].verb, .line = number, .n = DEFAULT_WAIT_NS };
    bool ok = true;
    for (const char *a = verbs[v].args; ok && *a; a++) {
        if (*a == 'T') {
            size_t n = strlen(p);
            st->text = front_strdup(p);
            while (n && isspace((unsigned char)st->text[n - 1]))
                st->text[--n] = 0;
            ok = n > 0;
            p += strlen(p);
            break;
        }
        text_free(&word);
        if (!*p) {
            ok = *a == 'S';
            break;
        }
        ok = text_word(&p, &word) && argument(st, *a, text_str(&word), &num_i);
    }
    if (ok && st->verb == V_EXPECT && !*st->text)
        ok = false;
    text_free(&word);
    if (ok && st->verb == V_STOP_AT) {
        ok = !s->stop_at[0];
        snprintf(s->stop_at, sizeof s->stop_at, "%llu", (unsigned long long)st->n);
    }
    if (!ok || (*p && *p != '#')) {
        snprintf(why, 200, "%s:%u: %s: wrong arguments", s->name, number, verbs[v].name);
        return false;
    }
    return true;
}

int script_read(struct script *s, const char *file, char *why)
{
    FILE *in = strcmp(file, "-") ? fopen(file, "r") : stdin;
    char *line = NULL;
    size_t cap = 0;
    unsigned number = 0;
    bool ok = true;
    int rc = 0;

    if (!in) {
        snprintf(why, 200, "-script %.100s: %s", file, strerror(errno));
        return 2;
    }
    while (ok && getline(&line, &cap, in) >= 0) {
        line[strcspn(line, "\n")] = 0;
        ok = script_add(s, line, ++number, why);
    }
    if (!ok) {
        rc = 1;
    } else if (ferror(in)) {
        snprintf(why, 200, "-script %.100s: %s", file, strerror(errno));
        rc = 2;
    }
    free(line);
    if (in != stdin)
        fclose(in);
    return rc;
}

void script_add_options(struct script *s)
{
    for (unsigned k = 0; k < s->o->num_expect; k++) {
        struct step *st = new_step(s);
        *st = (struct step){ .verb = V_EXPECT, .serial = s->o->expect[k].serial };
        st->text = front_strdup(s->o->expect[k].text);
        st->n = s->o->timeout_ns ? s->o->timeout_ns : UINT64_MAX;
    }
    if (s->o->num_expect)
        new_step(s)->verb = V_QUIT;
}

const char *script_stop_at(const struct script *s)
{
    return s->stop_at[0] ? s->stop_at : NULL;
}

bool script_wants_serial(const struct script *s)
{
    for (unsigned k = 0; k < s->num; k++)
        if (s->step[k].serial || s->step[k].verb == V_SEND)
            return true;
    return false;
}

/* ---- playing */

static uint64_t now(struct script *s)
{
    struct timespec ts;

    if (s->o->counted)
        return nb_guest_ns(s->f->m);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

void script_start(struct script *s, struct front *f)
{
    s->f = f;
    s->start = now(s);
}

void script_serial(void *script, const uint8_t *data, size_t len)
{
    struct script *s = script;

    text_addn(&s->serial, (const char *)data, len);
    if (s->serial.len > 2 * SERIAL_KEEP) {
        size_t drop = s->serial.len - SERIAL_KEEP;
        memmove(s->serial.s, s->serial.s + drop, SERIAL_KEEP + 1);
        s->serial.len = SERIAL_KEEP;
        s->serial_gone += drop;
    }
}

static const char *find(const char *in, size_t len, const char *text, size_t n)
{
    for (size_t k = 0; n <= len && k <= len - n; k++)
        if (in[k] == text[0] && !memcmp(in + k, text, n))
            return in + k;
    return NULL;
}

/* Looks for it in the serial output from `from` on; *end: behind the match. */
static bool in_serial(struct script *s, const char *text, size_t from, size_t *end)
{
    size_t skip = from > s->serial_gone ? from - s->serial_gone : 0, n = strlen(text);

    if (skip > s->serial.len)
        return false;
    const char *hit = find(text_str(&s->serial) + skip, s->serial.len - skip, text, n);
    if (hit && end)
        *end = s->serial_gone + (size_t)(hit - s->serial.s) + n;
    return hit != NULL;
}

static bool on_screen(struct script *s, const char *text)
{
    char *screen = nb_screen_text(s->f->m);
    bool hit = strstr(screen, text) != NULL;

    nb_string_free(screen);
    return hit;
}

static void show_text(FILE *to, const char *what, const char *text, size_t len)
{
    fprintf(to, "---- %s\n", what);
    fwrite(text, 1, len, to);
    if (len && text[len - 1] != '\n')
        fputc('\n', to);
}

void script_fail(struct script *s, const char *why)
{
    struct step *st = s->at < s->num ? &s->step[s->at] : NULL;

    if (s->failed)
        return;
    s->failed = true;
    if (s->o->script && st)
        front_say(s->f, "%s:%u: %s", s->name, st->line, why);
    else
        front_say(s->f, "%s", why);
    char *screen = nb_screen_text(s->f->m);
    show_text(stderr, "the screen", screen, strlen(screen));
    nb_string_free(screen);
    if (s->serial.len) {
        size_t n = s->serial.len < 2000 ? s->serial.len : 2000;
        show_text(stderr, "the end of serial port 0", s->serial.s + s->serial.len - n, n);
    }
    fprintf(stderr, "----\n");
    if (s->o->screendump)
        fprintf(stderr, "the picture is in %s\n", s->o->screendump);
}

static void not_met(struct script *s, const struct step *st, const char *when)
{
    char why[300];

    snprintf(why, sizeof why, "%s \"%.200s\" did not appear%s",
             st->serial ? "serial port 0:" : "screen:", st->text, when);
    script_fail(s, why);
}

static void check_rejects(struct script *s)
{
    char why[300];

    for (unsigned k = 0; k < s->num_rejects && !s->failed; k++) {
        struct reject *r = &s->reject[k];
        if (r->serial ? in_serial(s, r->text, r->from, NULL) : on_screen(s, r->text)) {
            snprintf(why, sizeof why, "rejected text \"%.200s\" appeared", r->text);
            script_fail(s, why);
        }
    }
}

static bool expect_met(struct script *s, const struct step *st)
{
    if (st->serial)
        return in_serial(s, st->text, s->matched, &s->matched);
    return on_screen(s, st->text);
}

static void run_monitor(struct script *s, const char *line)
{
    struct text out = { 0 };

    monitor_line(s->f, line, &out);
    fputs(text_str(&out), stdout);
    fflush(stdout);
    text_free(&out);
}

static void press_keys(struct script *s, const char *chords)
{
    char *list = front_strdup(chords), *save = NULL, why[200];

    for (char *c = strtok_r(list, " \t", &save); c; c = strtok_r(NULL, " \t", &save))
        if (!nb_sendkey(s->f->m, c, KEY_HOLD_MS)) {
            snprintf(why, sizeof why, "unknown key in \"%.100s\"", c);
            script_fail(s, why);
            break;
        }
    free(list);
}

static void print_hash(struct script *s)
{
    printf("trace hash %016llx at %llu instructions\n",
           (unsigned long long)nb_trace_hash(s->f->m, true),
           (unsigned long long)nb_retired(s->f->m));
    fflush(stdout);
}

/* One that needs no waiting. */
static void act(struct script *s, const struct step *st)
{
    struct nb_machine *m = s->f->m;
    struct nb_error e = { 0 };
    char why[300], detail[200];
    char *text;

    switch (st->verb) {
    case V_TYPE:
        if (nb_type(m, st->text) != strlen(st->text))
            script_fail(s, "type: a character that a US keyboard cannot make");
        break;
    case V_SEND:
        nb_serial_input(m, 0, (const uint8_t *)st->text, strlen(st->text));
        break;
    case V_KEY:
        press_keys(s, st->text);
        break;
    case V_MOUSE:
        nb_mouse(m, (int)st->i[0], (int)st->i[1], 0, s->buttons);
        break;
    case V_BUTTON:
        s->buttons = (unsigned)st->n & 7;
        nb_mouse(m, 0, 0, 0, s->buttons);
        break;
    case V_SCREENDUMP:
        if (!shot_file(m, st->text, NULL, detail, sizeof detail)) {
            snprintf(why, sizeof why, "screendump: %s", detail);
            script_fail(s, why);
        }
        break;
    case V_SCREENTEXT:
        text = nb_screen_text(m);
        puts(text);
        fflush(stdout);
        nb_string_free(text);
        break;
    case V_SAVE:
        if (!nb_save(m, st->text, &e)) {
            snprintf(why, sizeof why, "save: %.250s", e.text);
            script_fail(s, why);
        }
        break;
    case V_MONITOR:
        run_monitor(s, st->text);
        break;
    case V_HASH:
        print_hash(s);
        break;
    case V_BUDGET:
        s->budget = st->n;
        break;
    case V_REJECT:
        if (s->num_rejects == MAX_REJECTS)
            script_fail(s, "too many reject statements");
        else
            s->reject[s->num_rejects++] = (struct reject){ st->serial, st->text,
                                                           s->serial_gone + s->serial.len };
        break;
    case V_QUIT:
        s->done = true;
        break;
    default:
        break;
    }
}

static void next(struct script *s)
{
    s->at++;
    s->begun = false;
}

/* true: the step is over. A paused machine will not get any further by waiting. */
static bool wait_step(struct script *s, const struct step *st, uint64_t t)
{
    bool stuck = s->o->counted && nb_is_paused(s->f->m);

    if (st->verb == V_SLEEP)
        return t >= s->until || stuck;
    if (st->verb == V_EXPECT) {
        if (expect_met(s, st))
            return true;
        if (stuck)
            not_met(s, st, ": the machine is paused");
        else if (t >= s->until)
            not_met(s, st, " in time");
    }
    return false; /* stop-at and exit: the machine's end */
}

bool script_poll(struct script *s)
{
    uint64_t t = now(s);

    check_rejects(s);
    while (!s->failed && !s->done && s->at < s->num) {
        const struct step *st = &s->step[s->at];
        bool waits = st->verb == V_SLEEP || st->verb == V_EXPECT || st->verb == V_STOP_AT ||
                     st->verb == V_EXIT;
        if (!s->begun) {
            s->begun = true;
            s->until = st->n > UINT64_MAX - t ? UINT64_MAX : t + st->n;
        }
        if (!waits)
            act(s, st);
        else if (!wait_step(s, st, t))
            break;
        if (!s->failed)
            next(s);
    }
    if (s->failed || s->done)
        return false;
    /* A script's end is the run's, an empty script's too; -timeout alone waits. */
    if (s->at == s->num && (s->num || s->o->script)) {
        s->done = true;
        return false;
    }
    if (s->budget && t - s->start > s->budget)
        script_fail(s, "the budget of time is used up");
    else if (s->o->timeout_ns && t - s->start >= s->o->timeout_ns)
        script_fail(s, "-timeout: not done in time");
    return !s->failed;
}

int script_end(struct script *s, int status)
{
    char why[100];

    if (s->failed)
        return 4;
    if (s->done)
        return status;
    /* The machine ended by itself: what it said last counts. */
    check_rejects(s);
    for (; !s->failed && s->at < s->num; next(s)) {
        const struct step *st = &s->step[s->at];
        switch (st->verb) {
        case V_EXPECT:
            if (!expect_met(s, st))
                not_met(s, st, " before the machine ended");
            break;
        case V_EXIT:
            if ((uint64_t)status != st->n) {
                snprintf(why, sizeof why, "ended with status %d, not %llu", status,
                         (unsigned long long)st->n);
                script_fail(s, why);
            }
            status = 0;
            break;
        case V_STOP_AT:
            if (s->f->why != NB_STOP_AT)
                script_fail(s, "the machine ended before the count was reached");
            break;
        case V_SAVE: case V_HASH: case V_SCREENDUMP: case V_SCREENTEXT: case V_QUIT:
        case V_MONITOR: case V_REJECT: case V_BUDGET:
            act(s, st);
            break;
        default:
            script_fail(s, "the machine ended before this statement");
        }
    }
    return s->failed ? 4 : status;
}
