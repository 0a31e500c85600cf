/* SPDX-License-Identifier: MIT */
/* -kernel with any file. Input: a byte of options, then the file. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const u8 guest[] = { 0xf4 };
    static struct mem_file kernel, initrd;
    struct nb_error e = { 0 };

    if (!size)
        return 0;
    if (!kernel.path[0]) {
        static u8 rd[9000];
        kernel = mem_file(data, 0);
        initrd = mem_file(rd, sizeof rd);
    }
    mem_file_set(&kernel, data + 1, size - 1);
    struct nb_config *cfg = fuzz_config(guest, sizeof guest);
    MUST(nb_config_set(cfg, "kernel", kernel.path, &e) &&
         nb_config_set(cfg, "m", data[0] & 4 ? "3" : data[0] & 8 ? "64" : "16", &e));
    if (data[0] & 1)
        MUST(nb_config_set(cfg, "initrd", initrd.path, &e));
    if (data[0] & 2)
        MUST(nb_config_set(cfg, "append", "root=/dev/ram vga=0x31a quiet", &e));
    struct nb_machine *m = nb_new(cfg, &e);
    nb_config_free(cfg);
    if (m)
        nb_free(m);
    else
        MUST(e.code && e.text[0] && !strchr(e.text, '\n'));
    return 0;
}
