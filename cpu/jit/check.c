/* SPDX-License-Identifier: MIT */
/* -engine check: each block is run by the interpreter and then, from the same state, by its
 * translation; what differs ends the machine with a report. cpu/twice.h does the undoing.
 *
 * A block is one pass through jit.c's loop: links are not made and near[] stays empty, so that all
 * ways out lead back here. Not checked, but run by the interpreter alone: blocks that write over
 * themselves or change the address space or the memory map; `info jit` counts them. */
#include "core/strbuf.h"
#include "core/xalloc.h"
#include "cpu/isa.h"
#include "cpu/jit/jit.h"
#include "cpu/twice.h"

/* A report is many lines; the log takes one at a time. */
static void say(struct cpu *c, char *text)
{
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        else
            end = line + strlen(line);
        log_write(c->log, LOG_WARN, "check: %s", line);
    }
}

static void report(struct cpu *c, const struct block *b, const struct jit_block *jb, u32 eip,
                   u16 cs, const struct strbuf *diff, const struct strbuf *states)
{
    struct strbuf sb = { 0 };

    sb_addf(&sb, "the translator differs from the interpreter in the block at %04x:%08x, "
                 "%u instructions, retired %llu:\n", cs, eip, b->n,
            (unsigned long long)c->retired);
    sb_addf(&sb, "%s\nguest code:\n", sb_text(diff));
    jit_list_guest(c, b, eip, &sb);
    sb_add(&sb, "\nhost code:\n");
    jit_list_host(c, jb, &sb);
    sb_addf(&sb, "\n%s", sb_text(states));
    say(c, sb.s);
    sb_free(&sb);
}

unsigned jit_check(struct cpu *c, struct block *b, struct jit_block *jb)
{
    struct jit *j = jit_of(c);
    struct strbuf diff = { 0 }, states = { 0 };
    u32 eip = c->eip, fault_eip;
    u16 cs = c->seg[S_CS].sel;
    unsigned first, second, vec;

    twice_begin(c, j->twice);
    first = twice_interpret(c, b, 0);
    fault_eip = c->eip;
    vec = c->fault.vec;
    if (!b->valid) /* and with it the translation */
        twice_give_up(c, "the block writes over itself");
    if (!twice_again(c)) {
        j->stat_unchecked++;
        return first == RUN_FAULT ? RUN_FAULT : RUN_EXIT;
    }
    second = jit_enter(c, jb);
    /* the code's end, but not the block's: or its start, left to be translated better */
    if (second == LEAVE_COLD || second == LEAVE_HOT) {
        unsigned k = 0;
        while (k < b->n && b->insns[k].ofs != c->eip - eip)
            k++;
        second = twice_interpret(c, b, k);
    }
    j->stat_checked++;
    if ((first == RUN_FAULT) != (second == RUN_FAULT))
        sb_addf(&diff, "the %s faults, vector %u at %08x; the other goes on\n",
                first == RUN_FAULT ? "interpreter" : "translator",
                first == RUN_FAULT ? vec : c->fault.vec,
                first == RUN_FAULT ? fault_eip : c->eip);
    if (!twice_end(c, first == RUN_FAULT, &diff, &states)) {
        report(c, b, jb, eip, cs, &diff, &states);
        sb_free(&diff);
        sb_free(&states);
        return RUN_BUG;
    }
    return first == RUN_FAULT ? RUN_FAULT : RUN_EXIT;
}
