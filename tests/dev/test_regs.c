/* SPDX-License-Identifier: MIT */
/* The register lists of all chips: complete enough to be a to-do list. */
#include "tests/dev/rig.h"

START_TEST(every_register_is_documented)
{
    const struct device_class *c = device_classes[_i];
    ck_assert_msg(c->regs && c->regs[0].name, "%s has no register list", c->name);
    for (const struct reg_doc *r = c->regs; r->name; r++) {
        ck_assert_msg(*r->name && r->where && *r->where, "%s: a register without name or place",
                      c->name);
        ck_assert_msg(r->access >= REG_RO && r->access <= REG_MIXED, "%s: %s: access", c->name,
                      r->name);
        ck_assert_msg(r->modelled || (r->note && *r->note),
                      "%s: %s is not modelled, and nothing says why", c->name, r->name);
        ck_assert_msg(!r->note || *r->note, "%s: %s: empty note", c->name, r->name);
        for (const struct reg_doc *o = c->regs; o != r; o++)
            ck_assert_msg(strcmp(o->name, r->name), "%s: %s comes twice", c->name, r->name);
    }
}
END_TEST

/* What tables promise about each other. */
START_TEST(classes_are_well_formed)
{
    const struct device_class *c = device_classes[_i];
    ck_assert_msg(c->desc && *c->desc && c->size >= sizeof(struct device) && c->init &&
                  (c->reset || !c->fields), "%s: description, size, init or reset is missing",
                  c->name);
    ck_assert_msg(!c->fields || c->version, "%s: a field table without version", c->name);
    for (int i = 0; i < _i; i++)
        ck_assert_msg(strcmp(device_classes[i]->name, c->name) < 0,
                      "list.def: %s comes after %s", c->name, device_classes[i]->name);
    for (const struct prop *p = c->props; p && p->name; p++) {
        ck_assert_msg(p->help && *p->help, "%s: property %s has no help", c->name, p->name);
        ck_assert_msg(p->offset >= sizeof(struct device) && p->offset < c->size,
                      "%s: property %s lies outside the instance", c->name, p->name);
        for (const struct prop *o = c->props; o != p; o++)
            ck_assert_msg(strcmp(o->name, p->name), "%s: property %s comes twice", c->name,
                          p->name);
    }
    for (const struct pin *p = c->pins; p && p->name; p++) {
        ck_assert_msg(p->count >= 1, "%s: pin %s counts 0", c->name, p->name);
        if (p->dir == PIN_IN)
            ck_assert_msg(p->input != NULL, "%s: input %s has no function", c->name, p->name);
        else
            ck_assert_msg(p->offset >= sizeof(struct device) &&
                          p->offset + p->count * sizeof(struct wire) <= c->size,
                          "%s: output %s lies outside the instance", c->name, p->name);
    }
    for (const struct field *f = c->fields; f && f->kind != FIELD_END; f++) {
        ck_assert_msg(f->tag && *f->tag && strlen(f->tag) < 256, "%s: a field's tag", c->name);
        ck_assert_msg(f->since <= c->version, "%s: field %s is newer than the version", c->name,
                      f->tag);
        for (const struct field *o = c->fields; o != f; o++)
            ck_assert_msg(strcmp(o->tag, f->tag), "%s: field %s comes twice", c->name, f->tag);
    }
}
END_TEST

Suite *suite_regs(void);
Suite *suite_regs(void)
{
    Suite *s = suite_create("regs");
    TCase *tc = tcase_create("regs");
    int n = 0;
    while (device_classes[n])
        n++;
    tcase_add_loop_test(tc, every_register_is_documented, 0, n);
    tcase_add_loop_test(tc, classes_are_well_formed, 0, n);
    suite_add_tcase(s, tc);
    return s;
}
