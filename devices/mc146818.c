/* SPDX-License-Identifier: MIT */
/* Motorola MC146818A real-time clock with the 256 bytes of the 82371AB PIIX4's RTC (data sheet
 * 290562, section 4.1.8): ports 70h/71h, and 72h/73h for the upper bank.
 *
 * Nothing ticks. Time registers are brought up to date when somebody looks; the flags of register
 * C follow from the clock. Timers run only for interrupts that are enabled and whose flag is not
 * set yet, so that an idle clock costs nothing.
 *
 * The update cycle: UIP rises 244 us (eight 32 kHz clocks) before the second ends, and the new
 * time, UF and perhaps AF are there at its end; registers read as the old time until then.
 * Periodic edges come from the divider chain, whose phase doesn't depend on the rate selected.
 * The chip has no reset of the divider or time: CMOS and time survive every reset of the machine.
 *
 * Held time (a stopped machine, a debugger, a snapshot) passes in the world outside: with follow_host
 * the time registers catch up by whole seconds in the next update cycle. Update and periodic
 * interrupts keep to guest time, so none is skipped and none comes in a burst; an alarm that was
 * passed comes late.
 *
 * Not modelled: the SQW pin, the 1 and 4 MHz time bases and test divider settings (they count like
 * the reset ones: not), daylight saving (DSE is stored and ignored, as in the PIIX4), the lower
 * and upper bank locks. Port 70h is readable although the PIIX4's isn't: guests expect it. */
#include "devices/cmos.h"

enum { REG_SEC, REG_SEC_ALARM, REG_MIN, REG_MIN_ALARM, REG_HOUR, REG_HOUR_ALARM, REG_WDAY, REG_MDAY,
       REG_MONTH, REG_YEAR, REG_A, REG_B, REG_C, REG_D };
enum { A_UIP = 0x80, A_DV = 0x70, A_DV_RUN = 0x20, A_RS = 0x0f };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 8, B_DM = 4, B_24H = 2,
       B_DSE = 1 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10 };
enum { D_VRT = 0x80 };

#define CENTURY 0x32
#define CENTURY_PS2 0x37 /* where the PS/2 had it: NT looks there */
#define XTAL_HZ 32768u
#define UIP_NS 244141u
#define DAY_SECONDS 86400u

struct mc146818 {
    struct device dev;
    u32 iobase;
    struct wire irq, nmi_mask;
    struct wire alarm; /* of irq: the alarm's part, for the power-management function */

    u8 ram[CMOS_SIZE];  /* with the clock's registers 0..0Dh */
    u8 index, index_hi; /* ports 70h (bit 7: NMI mask) and 72h */
    u64 next_second;    /* guest time of the next end of an update cycle, while the divider runs */
    u64 divider_base;   /* guest time at which the divider chain was at 0 */
    u64 periodic_seen;  /* periodic edges up to this one are in PF */
    u64 held_seen;      /* of the clock's held_ns: what the time registers have caught up with */
    bool follow_host;   /* property */
    struct timer second, periodic;
};

/* ---- numbers ---- */

static int from_reg(const struct mc146818 *s, u8 v)
{
    return s->ram[REG_B] & B_DM ? v : (v >> 4) * 10 + (v & 15);
}

static u8 to_reg(const struct mc146818 *s, int v)
{
    return (u8)(s->ram[REG_B] & B_DM ? v : v / 10 << 4 | v % 10);
}

static bool is_number(const struct mc146818 *s, u8 v)
{
    return s->ram[REG_B] & B_DM || ((v >> 4) < 10 && (v & 15) < 10);
}

/* 0..23; anything else: the register holds no hour. */
static int hour_of(const struct mc146818 *s, u8 v)
{
    if (s->ram[REG_B] & B_24H)
        return is_number(s, v) ? from_reg(s, v) : -1;
    u8 low = v & 0x7f;
    int h = is_number(s, low) ? from_reg(s, low) : -1;
    if (h < 1 || h > 12)
        return -1;
    return h % 12 + (v & 0x80 ? 12 : 0);
}

static u8 hour_reg(const struct mc146818 *s, int h)
{
    if (s->ram[REG_B] & B_24H)
        return to_reg(s, h);
    return (u8)(to_reg(s, h % 12 ? h % 12 : 12) | (h >= 12 ? 0x80 : 0));
}

static int days_in(int month, int year)
{
    static const u8 days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    /* The chip knows years by their last two digits; 2100 is far. */
    return days[month - 1] + (month == 2 && year % 4 == 0);
}

static void set_century(struct mc146818 *s, int c)
{
    /* Always BCD, whatever DM says: firmware owns these two bytes. */
    s->ram[CENTURY] = s->ram[CENTURY_PS2] = (u8)(c / 10 << 4 | c % 10);
}

/* ---- the running clock ---- */

static void next_day(struct mc146818 *s)
{
    u8 *r = s->ram;
    int wday = from_reg(s, r[REG_WDAY]), mday = from_reg(s, r[REG_MDAY]);
    int month = from_reg(s, r[REG_MONTH]), year = from_reg(s, r[REG_YEAR]);

    r[REG_WDAY] = to_reg(s, wday >= 1 && wday < 7 ? wday + 1 : 1);
    int last = month >= 1 && month <= 12 ? days_in(month, year) : 31;
    if (mday < last) {
        r[REG_MDAY] = to_reg(s, mday + 1);
        return;
    }
    r[REG_MDAY] = to_reg(s, 1);
    if (month < 12) {
        r[REG_MONTH] = to_reg(s, month + 1);
        return;
    }
    r[REG_MONTH] = to_reg(s, 1);
    if (year < 99) {
        r[REG_YEAR] = to_reg(s, year + 1);
        return;
    }
    r[REG_YEAR] = to_reg(s, 0);
    int c = (r[CENTURY] >> 4) * 10 + (r[CENTURY] & 15) + 1;
    set_century(s, c < 100 ? c : 0);
}

static bool alarm_byte(u8 alarm, u8 now)
{
    return alarm >= 0xc0 || alarm == now; /* 11xxxxxx: don't care */
}

static void check_alarm(struct mc146818 *s)
{
    u8 *r = s->ram;
    if (alarm_byte(r[REG_SEC_ALARM], r[REG_SEC]) && alarm_byte(r[REG_MIN_ALARM], r[REG_MIN]) &&
        alarm_byte(r[REG_HOUR_ALARM], r[REG_HOUR]))
        r[REG_C] |= C_AF;
}

static void one_second(struct mc146818 *s)
{
    u8 *r = s->ram;
    int sec = from_reg(s, r[REG_SEC]), min = from_reg(s, r[REG_MIN]), h = hour_of(s, r[REG_HOUR]);

    /* What is no time counts on until it wraps, so that the clock recovers by itself. */
    if (sec < 59) {
        r[REG_SEC] = to_reg(s, sec + 1);
    } else {
        r[REG_SEC] = to_reg(s, 0);
        if (min < 59) {
            r[REG_MIN] = to_reg(s, min + 1);
        } else {
            r[REG_MIN] = to_reg(s, 0);
            r[REG_HOUR] = hour_reg(s, h >= 0 && h < 23 ? h + 1 : 0);
            if (h >= 23 || h < 0)
                next_day(s);
        }
    }
    r[REG_C] |= C_UF;
    check_alarm(s);
}

static bool running(const struct mc146818 *s)
{
    return (s->ram[REG_A] & A_DV) == A_DV_RUN;
}

/* Whole seconds that the world is ahead by since the last time. */
static u64 held_seconds(struct mc146818 *s)
{
    u64 held = s->dev.sys->clock->held_ns;

    if (!s->follow_host)
        return 0;
    if (held < s->held_seen) /* the clock of another process, where the state was loaded */
        s->held_seen = held;
    u64 n = (held - s->held_seen) / NS_PER_SEC;
    s->held_seen += n * NS_PER_SEC;
    return n;
}

static void advance_time(struct mc146818 *s, u64 now)
{
    if (!running(s) || now < s->next_second)
        return;
    u64 n = (now - s->next_second) / NS_PER_SEC + 1;
    s->next_second += n * NS_PER_SEC;
    if (s->ram[REG_B] & B_SET)
        return; /* no update cycles */
    n += held_seconds(s);
    /* Nobody looked for days: whole days need no second by second (each alarm comes daily). */
    for (; n >= 2 * DAY_SECONDS; n -= DAY_SECONDS)
        next_day(s);
    while (n--)
        one_second(s);
}

static u64 xtal_ns(u64 clk)
{
    return clk / XTAL_HZ * NS_PER_SEC + (clk % XTAL_HZ * NS_PER_SEC + XTAL_HZ - 1) / XTAL_HZ;
}

/* CLKs between periodic edges; 0: none. */
static u32 periodic_clocks(const struct mc146818 *s)
{
    unsigned rs = s->ram[REG_A] & A_RS;
    if (!rs || !running(s))
        return 0;
    return 1u << (rs <= 2 ? rs + 6 : rs - 1);
}

/* 32 kHz clocks since the divider began. */
static u64 divider_at(const struct mc146818 *s, u64 now)
{
    u64 ns = now - s->divider_base;
    return ns / NS_PER_SEC * XTAL_HZ + ns % NS_PER_SEC * XTAL_HZ / NS_PER_SEC;
}

static void advance_periodic(struct mc146818 *s, u64 now)
{
    u32 per = periodic_clocks(s);
    if (!running(s) || now < s->divider_base)
        return;
    u64 clk = divider_at(s, now);
    if (per && clk / per > s->periodic_seen / per)
        s->ram[REG_C] |= C_PF;
    s->periodic_seen = clk;
}

static void rtc_update(struct mc146818 *s)
{
    u8 b = s->ram[REG_B], *c = &s->ram[REG_C];
    bool irq = b & *c & (C_PF | C_AF | C_UF);

    *c = (u8)((*c & ~C_IRQF) | (irq ? C_IRQF : 0));
    wire_set(&s->irq, irq);
    wire_set(&s->alarm, (b & *c & C_AF) != 0);
    wire_set(&s->nmi_mask, s->index >> 7);

    u32 per = periodic_clocks(s);
    if (per && b & B_PIE && !(*c & C_PF)) {
        u64 when = s->divider_base + xtal_ns((s->periodic_seen / per + 1) * per);
        if (s->periodic.when != when)
            timer_at(&s->periodic, when);
    } else {
        timer_off(&s->periodic);
    }
    if (running(s) && !(b & B_SET) && b & ~*c & (B_AIE | B_UIE)) {
        if (s->second.when != s->next_second)
            timer_at(&s->second, s->next_second);
    } else {
        timer_off(&s->second);
    }
}

static void rtc_sync(struct mc146818 *s)
{
    u64 now = clock_now(s->dev.sys->clock);
    advance_time(s, now);
    advance_periodic(s, now);
}

static void rtc_due(void *dev, u64 late)
{
    (void)late;
    rtc_sync(dev);
    rtc_update(dev);
}

/* ---- registers ---- */

static u8 cell_read(struct mc146818 *s, u8 index)
{
    if (index != REG_A)
        return s->ram[index];
    u64 now = clock_now(s->dev.sys->clock);
    bool uip = running(s) && !(s->ram[REG_B] & B_SET) && s->next_second > now &&
               s->next_second - now <= UIP_NS;
    return (u8)(s->ram[REG_A] | (uip ? A_UIP : 0));
}

static void write_a(struct mc146818 *s, u8 v)
{
    bool was = running(s);
    u64 now = clock_now(s->dev.sys->clock);

    s->ram[REG_A] = v & (u8)~A_UIP;
    if (!was && running(s)) {
        /* The first update comes half a second after the divider is let go. */
        s->divider_base = now;
        s->periodic_seen = 0;
        s->next_second = now + NS_PER_SEC / 2;
        s->held_seen = s->dev.sys->clock->held_ns;
    }
}

static void write_b(struct mc146818 *s, u8 v)
{
    if (v & B_SET)
        v &= (u8)~B_UIE;
    else if (s->ram[REG_B] & B_SET) /* the time is what the guest has just set */
        s->held_seen = s->dev.sys->clock->held_ns;
    s->ram[REG_B] = v;
}

static void cell_write(struct mc146818 *s, u8 index, u8 v)
{
    switch (index) {
    case REG_A:
        write_a(s, v);
        break;
    case REG_B:
        write_b(s, v);
        break;
    case REG_C:
    case REG_D:
        break; /* read-only */
    case CENTURY:
    case CENTURY_PS2:
        s->ram[CENTURY] = s->ram[CENTURY_PS2] = v;
        break;
    case REG_SEC:
        s->ram[index] = v & 0x7f; /* bit 7 reads 0 */
        break;
    default:
        s->ram[index] = v;
        break;
    }
}

static u32 rtc_peek(void *dev, u32 off, unsigned size)
{
    struct mc146818 *s = dev;
    struct mc146818 t;
    (void)size;
    switch (off) {
    case 0:
        return s->index;
    case 1:
        t = *s;
        rtc_sync(&t); /* arms nothing */
        return cell_read(&t, s->index & 0x7f);
    case 2:
        return s->index_hi;
    default:
        return s->ram[0x80 | s->index_hi];
    }
}

static u32 rtc_read(void *dev, u32 off, unsigned size)
{
    struct mc146818 *s = dev;

    if (off != 1)
        return rtc_peek(dev, off, size);
    rtc_sync(s);
    u8 v = cell_read(s, s->index & 0x7f);
    if ((s->index & 0x7f) == REG_C) {
        /* IRQF as the flags and enables give it now, then all of it is cleared */
        rtc_update(s);
        v = s->ram[REG_C];
        s->ram[REG_C] = 0;
    }
    rtc_update(s);
    return v;
}

static void rtc_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct mc146818 *s = dev;
    u8 v = (u8)val;
    (void)size;

    rtc_sync(s);
    switch (off) {
    case 0:
        s->index = v;
        break;
    case 1:
        cell_write(s, s->index & 0x7f, v);
        break;
    case 2:
        s->index_hi = v & 0x7f;
        break;
    default:
        s->ram[0x80 | s->index_hi] = v;
        break;
    }
    rtc_update(s);
}

/* ---- for the board ---- */

void cmos_set(struct device *rtc, u8 index, u8 v)
{
    struct mc146818 *s = (struct mc146818 *)rtc;
    if (index == CENTURY || index == CENTURY_PS2)
        s->ram[CENTURY] = s->ram[CENTURY_PS2] = v;
    else if (index > REG_D)
        s->ram[index] = v;
}

u8 cmos_get(struct device *rtc, u8 index)
{
    return ((struct mc146818 *)rtc)->ram[index];
}

void cmos_checksum(struct device *rtc)
{
    struct mc146818 *s = (struct mc146818 *)rtc;
    u32 sum = 0;
    for (unsigned i = 0x10; i <= 0x2d; i++)
        sum += s->ram[i];
    s->ram[0x2e] = (u8)(sum >> 8);
    s->ram[0x2f] = (u8)sum;
}

/* ---- device ---- */

/* Civil date of a day counted from 1970-01-01: eras of 400 years that begin on March 1st. */
static void civil(i64 day, int *y, int *m, int *d)
{
    day += 719468;
    i64 era = (day >= 0 ? day : day - 146096) / 146097;
    i64 doe = day - era * 146097;
    i64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    i64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    i64 mp = (5 * doy + 2) / 153;

    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2));
}

static void set_time(struct mc146818 *s, i64 t)
{
    /* The registers reach from year 0 to 9999. */
    if (t < -62167219200ll || t > 253402300799ll)
        t = 0;
    i64 day = t / DAY_SECONDS - (t % DAY_SECONDS < 0);
    int sec = (int)(t - day * DAY_SECONDS), y, m, d;

    civil(day, &y, &m, &d);
    s->ram[REG_SEC] = to_reg(s, sec % 60);
    s->ram[REG_MIN] = to_reg(s, sec / 60 % 60);
    s->ram[REG_HOUR] = hour_reg(s, sec / 3600);
    s->ram[REG_WDAY] = to_reg(s, (int)(((day + 4) % 7 + 7) % 7) + 1); /* 1970-01-01: Thursday */
    s->ram[REG_MDAY] = to_reg(s, d);
    s->ram[REG_MONTH] = to_reg(s, m);
    s->ram[REG_YEAR] = to_reg(s, y % 100);
    set_century(s, y / 100);
}

static const struct region_ops rtc_ops = { rtc_read, rtc_write, rtc_peek, 1, 1, false };

static bool rtc_init(struct device *dev, struct err *e)
{
    struct mc146818 *s = (struct mc146818 *)dev;
    u64 now = clock_now(dev->sys->clock);

    timer_init(&s->second, dev->sys->clock, rtc_due, s, "rtc second");
    timer_init(&s->periodic, dev->sys->clock, rtc_due, s, "rtc periodic");
    s->ram[REG_A] = 0x26; /* 32 kHz, 1024 Hz */
    s->ram[REG_B] = B_24H;
    s->ram[REG_D] = D_VRT;
    s->next_second = (now / NS_PER_SEC + 1) * NS_PER_SEC;
    s->divider_base = now / NS_PER_SEC * NS_PER_SEC;
    set_time(s, dev->sys->rtc_base + (i64)(now / NS_PER_SEC));
    return device_io(dev, dev->id, s->iobase, 4, &rtc_ops, e) != NULL;
}

static void rtc_reset(struct device *dev, enum reset_kind kind)
{
    struct mc146818 *s = (struct mc146818 *)dev;
    (void)kind;
    rtc_sync(s);
    s->ram[REG_B] &= (u8)~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->ram[REG_C] = 0;
    s->index = s->index_hi = 0;
    rtc_update(s);
}

static void rtc_close(struct device *dev)
{
    timer_off(&((struct mc146818 *)dev)->second);
    timer_off(&((struct mc146818 *)dev)->periodic);
}

static bool rtc_post_load(struct device *dev, struct err *e)
{
    struct mc146818 *s = (struct mc146818 *)dev;
    u64 now = clock_now(dev->sys->clock);

    if (s->index_hi > 0x7f || s->ram[REG_A] & A_UIP || s->ram[REG_D] != D_VRT ||
        s->divider_base > now || s->next_second > now + NS_PER_SEC)
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    wire_set(&s->irq, s->ram[REG_C] >> 7);
    wire_set(&s->alarm, (s->ram[REG_B] & s->ram[REG_C] & C_AF) != 0);
    wire_set(&s->nmi_mask, s->index >> 7);
    return true;
}

static void rtc_info(struct device *dev, struct strbuf *sb)
{
    struct mc146818 *s = (struct mc146818 *)dev;
    const u8 *r = s->ram;

    sb_addf(sb, "%s: %02x%02x-%02x-%02x %02x:%02x:%02x (as last read) a=%02x b=%02x c=%02x\n",
            dev->id, r[CENTURY], r[REG_YEAR], r[REG_MONTH], r[REG_MDAY], r[REG_HOUR], r[REG_MIN],
            r[REG_SEC], cell_read(s, REG_A), r[REG_B], r[REG_C]);
    for (unsigned i = 0; i < 128; i += 16) {
        sb_addf(sb, "%02x:", i);
        for (unsigned j = 0; j < 16; j++)
            sb_addf(sb, " %02x", r[i + j]);
        sb_add(sb, "\n");
    }
}

static const struct field rtc_fields[] = {
    F_ARRAY(struct mc146818, ram, u8),
    F_U8(struct mc146818, index),
    F_U8(struct mc146818, index_hi),
    F_U64(struct mc146818, next_second),
    F_U64(struct mc146818, divider_base),
    F_U64(struct mc146818, periodic_seen),
    F_TIMER(struct mc146818, second),
    F_TIMER(struct mc146818, periodic),
    { .tag = "held_seen", .kind = FIELD_INT, .offset = offsetof(struct mc146818, held_seen),
      .elem_size = 8, .count = 1, .since = 2 },
    F_END,
};

static const struct prop rtc_props[] = {
    { "iobase", PROP_U32, offsetof(struct mc146818, iobase), 0x70, NULL, "first of four ports" },
    { "follow_host", PROP_BOOL, offsetof(struct mc146818, follow_host), 0, NULL,
      "held time passes for the time registers" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct pin rtc_pins[] = {
    { "irq", PIN_OUT, 1, offsetof(struct mc146818, irq), NULL },
    { "nmi_mask", PIN_OUT, 1, offsetof(struct mc146818, nmi_mask), NULL },
    { "alarm", PIN_OUT, 1, offsetof(struct mc146818, alarm), NULL },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc rtc_regs[] = {
    { "RTCI / NMI mask", "port 70h", REG_RW, true, NULL },
    { "RTCD", "port 71h", REG_RW, true, NULL },
    { "RTCEI", "port 72h", REG_RW, true, NULL },
    { "RTCED", "port 73h", REG_RW, true, NULL },
    { "Seconds", "index 00h", REG_RW, true, NULL },
    { "Seconds Alarm", "index 01h", REG_RW, true, NULL },
    { "Minutes", "index 02h", REG_RW, true, NULL },
    { "Minutes Alarm", "index 03h", REG_RW, true, NULL },
    { "Hours", "index 04h", REG_RW, true, NULL },
    { "Hours Alarm", "index 05h", REG_RW, true, NULL },
    { "Day of Week", "index 06h", REG_RW, true, NULL },
    { "Day of Month", "index 07h", REG_RW, true, NULL },
    { "Month", "index 08h", REG_RW, true, NULL },
    { "Year", "index 09h", REG_RW, true, NULL },
    { "Register A", "index 0Ah", REG_MIXED, true, "time bases other than 32 kHz don't count" },
    { "Register B", "index 0Bh", REG_RW, true, "SQWE and DSE are stored, without effect" },
    { "Register C", "index 0Ch", REG_RO, true, NULL },
    { "Register D", "index 0Dh", REG_RO, true, NULL },
    { "User RAM", "index 0Eh-7Fh", REG_RW, true, "32h and 37h are one byte, the century" },
    { "Extended RAM", "extended index 00h-7Fh", REG_RW, true, NULL },
    REG_END,
};

const struct device_class mc146818_class = {
    .name = "mc146818",
    .desc = "MC146818A real-time clock and CMOS RAM",
    .size = sizeof(struct mc146818),
    .props = rtc_props,
    .pins = rtc_pins,
    .regs = rtc_regs,
    .init = rtc_init,
    .reset = rtc_reset,
    .close = rtc_close,
    .fields = rtc_fields,
    .version = 2,
    .post_load = rtc_post_load,
    .info = rtc_info,
};
