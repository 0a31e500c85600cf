/* SPDX-License-Identifier: MIT */
/* One table. Each choice says why; sound and network join when the cards do. Choices that are the
 * default today are written down all the same: a preset means the same machine tomorrow. */
#include "frontend/preset.h"

#include <string.h>

static const struct preset presets[] = {
    { "dos", "MS-DOS, FreeDOS, and what runs on them", {
        /* what extenders and HIMEM of the time expect; ISA DMA reaches all of it */
        { "m", "16", NULL },
        /* the last processor that these programs knew: RDTSC, but no MMX or SSE */
        { "cpu", "pentium", NULL },
        /* delay loops: Turbo Pascal's CRT unit divides by zero on a fast machine, and games
         * that count instructions are unplayable */
        { "speed", "25", NULL },
        { "rtc", "base=localtime", "base" },
        { "vga", "std", NULL },
    } },
    { "win98", "Windows 95, 98 and Me", {
        /* VCACHE takes too much of the address space from about 512 MB on */
        { "m", "256", NULL },
        /* MMX; its SSE state is not saved by the first edition */
        { "cpu", "pentium2", NULL },
        /* NDIS divides by zero where 2^20 LOOPs take less than a millisecond */
        { "speed", "50", NULL },
        /* they change present page-table entries and use them without INVLPG */
        { "engine", "tlb=coherent", "tlb" },
        { "rtc", "base=localtime", "base" },
        { "vga", "std", NULL },
    } },
    { "xp", "Windows 2000 and XP", {
        { "m", "512", NULL },
        /* SSE2, which late programs want; no APIC and no NX, so that setup takes the ACPI PC */
        { "cpu", "pentium-m", NULL },
        { "rtc", "base=localtime", "base" },
        { "vga", "std", NULL },
    } },
    { "linux", "Linux and BSD", {
        { "m", "512", NULL },
        /* PAE kernels use NX */
        { "cpu", "pentium-m,+nx", NULL },
        { "rtc", "base=utc", "base" },
        { "vga", "std", NULL },
    } },
};

#define NUM_PRESETS (sizeof presets / sizeof presets[0])

const struct preset *preset_find(const char *name)
{
    for (size_t k = 0; k < NUM_PRESETS; k++)
        if (!strcmp(presets[k].name, name))
            return &presets[k];
    return NULL;
}

void preset_help(FILE *out)
{
    for (size_t k = 0; k < NUM_PRESETS; k++) {
        const struct preset_choice *c = presets[k].choice;
        fprintf(out, "%-7s %s:\n       ", presets[k].name, presets[k].text);
        for (; c->option; c++)
            fprintf(out, " -%s %s", c->option, c->value);
        fputc('\n', out);
    }
}

/* "a=1,b": has it this property? A bare first word is `first`'s value. */
static bool has_property(const char *value, const char *property, const char *first)
{
    size_t n = strlen(property);
    bool at_first = true;

    for (const char *p = value; p; p = strchr(p, ',')) {
        p += *p == ',';
        size_t word = strcspn(p, ",=");
        if (word == n && !strncmp(p, property, n) && p[word] == '=')
            return true;
        if (at_first && p[word] != '=' && !strcmp(property, first))
            return true;
        at_first = false;
    }
    return false;
}

bool preset_overruled(const struct preset_choice *c, const char *option, const char *value)
{
    static const struct { const char *option, *choice; bool whole; } also[] = {
        { "localtime", "rtc", true }, { "startdate", "rtc", true }, { "clock", "speed", true },
        { "accel", "engine", false },
    };
    const char *means = option;
    bool whole = false;

    for (size_t k = 0; k < sizeof also / sizeof also[0]; k++)
        if (!strcmp(option, also[k].option)) {
            means = also[k].choice;
            whole = also[k].whole;
        }
    if (strcmp(means, c->option))
        return false;
    return whole || !c->property || !value ||
           has_property(value, c->property, !strcmp(means, "rtc") ? "base" : "");
}
