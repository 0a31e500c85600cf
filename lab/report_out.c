/* SPDX-License-Identifier: MIT */
/* The report as text and as one HTML page that needs nothing else. */
#include "lab/report_out.h"

#include <stdio.h>

#include "lab/vec.h"

static const char engine_name[2][7] = { "interp", "host" };
static const char *const kind_text[] = {
    "", "only moves EIP", "changes nothing visible", "raises its exception",
};

static void add_masked(struct strbuf *sb, const struct row_stat *s)
{
    const char *sep = "";

    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++)
        if (s->masked & vec_flags[k].bit) {
            sb_addf(sb, "%s%s", sep, vec_flags[k].name);
            sep = " ";
        }
    if (s->masked_regs)
        sb_addf(sb, "%sregister", sep);
}

static void add_vectors(struct strbuf *sb, const struct row_stat *s)
{
    const char *sep = "";

    for (unsigned k = 0; k < 20; k++)
        if (s->vectors & BIT(k)) {
            sb_addf(sb, "%s#%s", sep, vec_fault_name[k]);
            sep = " ";
        }
}

static bool missing(const struct row_stat *s, unsigned e)
{
    return !(e == 1 && !s->on_host) && !s->reached[e];
}

/* "100 %" is said of all only. */
static void add_percent(struct strbuf *sb, unsigned part, unsigned all)
{
    unsigned tenths = all ? (unsigned)((u64)part * 1000 / all) : 1000;

    if (tenths == 1000)
        sb_add(sb, "100 %");
    else
        sb_addf(sb, "%u.%u %%", tenths / 10, tenths % 10);
}

static void add_bottom(const struct report *r, unsigned e, struct strbuf *sb)
{
    const struct report_sum *s = &r->sum[e];

    sb_addf(sb, "%s: %u of %u rows reached (", engine_name[e], s->reached, s->rows);
    add_percent(sb, s->reached, s->rows);
    sb_addf(sb, "); of those without a visible result, %u of %u run", s->apart_run, s->apart);
    if (e == 1) {
        unsigned left = 0;
        for (unsigned n = 0; n < r->num_rows; n++)
            left += !r->row[n].on_host;
        sb_addf(sb, "; %u rows can't run there (privileged, or the machine's state)", left);
    }
}

static void add_missing(const struct report *r, unsigned e, struct strbuf *sb)
{
    const char *sep = "";

    for (unsigned n = 0; n < r->num_rows; n++)
        if (missing(&r->row[n], e)) {
            sb_addf(sb, "%s%s (%s)", sep, r->row[n].name, r->row[n].code);
            sep = ", ";
        }
}

static void text_rows(const struct report *r, bool apart, struct strbuf *sb)
{
    for (unsigned n = 0; n < r->num_rows; n++) {
        const struct row_stat *s = &r->row[n];
        char host[2][24] = { "-", "-" };
        if ((s->kind != RK_STATE) != apart)
            continue;
        if (s->on_host && r->have_host) {
            snprintf(host[0], sizeof host[0], "%llu", (unsigned long long)s->cases[1]);
            snprintf(host[1], sizeof host[1], "%llu", (unsigned long long)s->reached[1]);
        }
        sb_addf(sb, "%-14s %-12s %9llu %9llu %9s %9s %6llu  ", s->code, s->name,
                (unsigned long long)s->cases[0], (unsigned long long)s->reached[0], host[0],
                host[1], (unsigned long long)s->mismatches);
        add_masked(sb, s);
        sb_add(sb, s->masked || s->masked_regs ? "  " : "");
        add_vectors(sb, s);
        if (apart)
            sb_addf(sb, "  (%s)", kind_text[s->kind]);
        while (sb->len && sb->s[sb->len - 1] == ' ')
            sb->s[--sb->len] = 0;
        sb_add(sb, "\n");
    }
}

void report_text(const struct report *r, struct strbuf *sb)
{
    static const char head[] = "%-14s %-12s %9s %9s %9s %9s %6s  %s\n";

    sb_addf(sb, "this host: %s\n", r->host);
    if (!r->have_host)
        sb_addf(sb, "host engine: not run: %s\n", r->no_host);
    for (unsigned k = 0; k < r->num_makers; k++)
        sb_addf(sb, "vectors made by: %s\n", r->maker[k]);
    sb_add(sb, "\n");
    sb_addf(sb, head, "code", "row", "interp", "reached", "host", "reached", "differ",
            "not compared, exceptions");
    text_rows(r, false, sb);
    sb_add(sb, "\nRows whose result can't differ in more than EIP (\"reached\": run to the end)\n");
    text_rows(r, true, sb);
    if (r->messages.len)
        sb_addf(sb, "\n%s", sb_text(&r->messages));
    sb_addf(sb, "\n%llu cases on interp, %llu on host, %llu mismatches\n",
            (unsigned long long)r->cases[0], (unsigned long long)r->cases[1],
            (unsigned long long)r->mismatches);
    for (unsigned e = 0; e < (r->have_host ? 2u : 1u); e++) {
        struct strbuf m = { 0 };
        add_missing(r, e, &m);
        add_bottom(r, e, sb);
        sb_addf(sb, m.len ? "\n  missing: %s\n" : "\n", sb_text(&m));
        sb_free(&m);
    }
}

/* ---- HTML */

static void add_escaped(struct strbuf *sb, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '<': sb_add(sb, "&lt;"); break;
        case '>': sb_add(sb, "&gt;"); break;
        case '&': sb_add(sb, "&amp;"); break;
        case '"': sb_add(sb, "&quot;"); break;
        default: sb_addn(sb, s, 1);
        }
    }
}

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>nestbox: instruction report</title>\n<style>\n"
    ":root { color-scheme: light dark; }\n"
    "body { font: 15px/1.45 system-ui, sans-serif; max-width: 75em; margin: 2em auto; "
    "padding: 0 1em; }\n"
    "h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }\n"
    ".bad { color: #c22; font-weight: 600; } .dim { opacity: .6; }\n"
    "table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }\n"
    "th, td { padding: .15em .6em; text-align: left; border-bottom: 1px solid #8884; }\n"
    "th { position: sticky; top: 0; background: Canvas; cursor: pointer; user-select: none; }\n"
    "td.n, th.n { text-align: right; } td.c { font-family: ui-monospace, monospace; }\n"
    "tr.miss { background: #e552; } pre { overflow-x: auto; }\n"
    "input { font: inherit; padding: .2em .5em; margin: .6em 0; }\n"
    "</style>\n</head>\n<body>\n";

/* Sorting by a click, a filter: both are extras, the page reads without. */
static const char page_tail[] =
    "<script>\n"
    "for (const table of document.querySelectorAll('table'))\n"
    "  table.querySelectorAll('th').forEach((th, col) => th.onclick = () => {\n"
    "    const body = table.tBodies[0], rows = [...body.rows];\n"
    "    const key = r => r.cells[col].textContent, num = th.classList.contains('n');\n"
    "    const dir = th.dataset.dir = th.dataset.dir == '1' ? '-1' : '1';\n"
    "    rows.sort((a, b) => dir * (num ? (+key(a) || 0) - (+key(b) || 0) "
    ": key(a).localeCompare(key(b))));\n"
    "    rows.forEach(r => body.append(r));\n"
    "  });\n"
    "const filter = document.getElementById('filter');\n"
    "filter.oninput = () => document.querySelectorAll('tbody tr').forEach(r =>\n"
    "  r.hidden = !r.textContent.toLowerCase().includes(filter.value.toLowerCase()));\n"
    "</script>\n</body>\n</html>\n";

static void html_rows(const struct report *r, bool apart, struct strbuf *sb)
{
    sb_add(sb, "<table>\n<thead><tr><th>Code</th><th>Instruction</th><th class=\"n\">Cases, interp"
               "</th><th class=\"n\">reached</th><th class=\"n\">Cases, host</th>"
               "<th class=\"n\">reached</th><th class=\"n\">Mismatches</th><th>Not compared</th>"
               "<th>Exceptions</th>");
    sb_add(sb, apart ? "<th>Why apart</th></tr></thead>\n<tbody>\n" : "</tr></thead>\n<tbody>\n");
    for (unsigned n = 0; n < r->num_rows; n++) {
        const struct row_stat *s = &r->row[n];
        bool miss = missing(s, 0) || (r->have_host && missing(s, 1));
        if ((s->kind != RK_STATE) != apart)
            continue;
        sb_addf(sb, "<tr%s><td class=\"c\">%s</td><td>", miss ? " class=\"miss\"" : "", s->code);
        add_escaped(sb, s->name);
        sb_addf(sb, "</td><td class=\"n\">%llu</td><td class=\"n\">%llu</td>",
                (unsigned long long)s->cases[0], (unsigned long long)s->reached[0]);
        if (s->on_host && r->have_host)
            sb_addf(sb, "<td class=\"n\">%llu</td><td class=\"n\">%llu</td>",
                    (unsigned long long)s->cases[1], (unsigned long long)s->reached[1]);
        else
            sb_add(sb, "<td class=\"n dim\">-</td><td class=\"n dim\">-</td>");
        sb_addf(sb, "<td class=\"n%s\">%llu</td><td>", s->mismatches ? " bad" : "",
                (unsigned long long)s->mismatches);
        add_masked(sb, s);
        sb_add(sb, "</td><td>");
        add_vectors(sb, s);
        sb_addf(sb, apart ? "</td><td>%s</td></tr>\n" : "</td></tr>\n", kind_text[s->kind]);
    }
    sb_add(sb, "</tbody>\n</table>\n");
}

void report_html(const struct report *r, struct strbuf *sb)
{
    sb_add(sb, page_head);
    sb_add(sb, "<h1>What each instruction was tested with</h1>\n<p>This host: ");
    add_escaped(sb, r->host);
    sb_add(sb, "</p>\n");
    if (!r->have_host) {
        sb_add(sb, "<p>The host engine did not run: ");
        add_escaped(sb, r->no_host);
        sb_add(sb, "</p>\n");
    }
    if (r->num_makers) {
        sb_add(sb, "<p>Vectors made by:</p>\n<ul>\n");
        for (unsigned k = 0; k < r->num_makers; k++) {
            sb_add(sb, "<li>");
            add_escaped(sb, r->maker[k]);
            sb_add(sb, "</li>\n");
        }
        sb_add(sb, "</ul>\n");
    }
    for (unsigned e = 0; e < (r->have_host ? 2u : 1u); e++) {
        struct strbuf m = { 0 };
        sb_add(sb, "<p>");
        add_bottom(r, e, sb);
        add_missing(r, e, &m);
        if (m.len) {
            sb_add(sb, ". <span class=\"bad\">Missing: ");
            add_escaped(sb, sb_text(&m));
            sb_add(sb, "</span>");
        }
        sb_add(sb, ".</p>\n");
        sb_free(&m);
    }
    sb_addf(sb, "<p>%llu cases on the interpreter, %llu on the host, <span class=\"%s\">%llu "
            "mismatches</span>. Reached: the result differs from the input in more than EIP.</p>\n",
            (unsigned long long)r->cases[0], (unsigned long long)r->cases[1],
            r->mismatches ? "bad" : "", (unsigned long long)r->mismatches);
    sb_add(sb, "<input id=\"filter\" placeholder=\"filter\" aria-label=\"filter\">\n");
    html_rows(r, false, sb);
    sb_add(sb, "<h2>Rows whose result can't differ in more than EIP</h2>\n"
               "<p>Reached means that they ran to their end.</p>\n");
    html_rows(r, true, sb);
    if (r->messages.len) {
        sb_add(sb, "<h2>Mismatches</h2>\n<pre>");
        add_escaped(sb, sb_text(&r->messages));
        sb_add(sb, "</pre>\n");
    }
    sb_add(sb, page_tail);
}
