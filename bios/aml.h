/* SPDX-License-Identifier: MIT */
/* Writes AML, the byte code of ACPI tables (ACPI 1.0b, chapter 16), and resource descriptors
 * (chapter 6.4). It can't write what 1.0b doesn't have.
 *
 * Names are in ASL's notation: "\\_SB.PCI0", "^PRT", "LNKA"; segments are padded with '_'. Things
 * with a length are opened and closed; what is written in between is inside. */
#ifndef NB_BIOS_AML_H
#define NB_BIOS_AML_H

#include "bios/blob.h"

enum { AML_ARG0 = 0x68, AML_LOCAL0 = 0x60 };
enum { AML_SERIALIZED = 8 };
enum { AML_SYSTEM_IO = 1, AML_PCI_CONFIG = 2 };

/* Each returns what aml_close() takes. */
u32 aml_scope(struct blob *b, const char *name);
u32 aml_device(struct blob *b, const char *name);
u32 aml_method(struct blob *b, const char *name, u8 args_and_flags);
u32 aml_package(struct blob *b, u8 elements);
u32 aml_if(struct blob *b);
u32 aml_field(struct blob *b, const char *region, u8 flags);
u32 aml_resources(struct blob *b); /* closed by aml_resources_end() */
void aml_close(struct blob *b, u32 at);

void aml_name(struct blob *b, const char *name);     /* a NameString: a reference */
void aml_name_op(struct blob *b, const char *name);  /* Name(): the object follows */
void aml_int(struct blob *b, u32 v);
void aml_eisa_id(struct blob *b, const char *id);    /* "PNP0A03" */
void aml_op(struct blob *b, u8 op);                  /* Arg0, Local0 */
void aml_return(struct blob *b);                     /* its operand follows */
void aml_store(struct blob *b);                      /* source and target follow */
void aml_and(struct blob *b);                        /* two operands and a target follow */
void aml_or(struct blob *b);
void aml_no_target(struct blob *b);
void aml_less(struct blob *b);                       /* two operands follow */
void aml_region(struct blob *b, const char *name, u8 space, u32 offset, u32 len);
void aml_field_unit(struct blob *b, const char *name, u32 bits);
void aml_create_dword_field(struct blob *b);         /* buffer, offset and name follow */

/* ---- resource descriptors, inside aml_resources() */
void res_io(struct blob *b, u16 base, u8 len);       /* 16-bit decode, fixed */
void res_irq(struct blob *b, u8 irq);                /* ISA: edge, high, exclusive */
void res_dma(struct blob *b, u8 channel);            /* 8 bit, compatible, no bus master */
/* Level, high, shared: a PCI interrupt behind a router. */
void res_interrupts(struct blob *b, const u8 *irqs, unsigned count);
void res_bus_range(struct blob *b, u16 first, u16 last);
void res_io_window(struct blob *b, u16 first, u16 last);
void res_mem_window(struct blob *b, u32 first, u32 last, bool cacheable);
void aml_resources_end(struct blob *b, u32 at);

#endif
