/* SPDX-License-Identifier: MIT */
/*
 * Class apps: programs that people run, from Debian's packages for i386: the libraries of Lua, zlib,
 * bzip2 and SQLite, linked statically, and busybox, whose shell and gzip run in processes of their
 * own. This file makes an executable of its own: they are too large to be carried along by the rest.
 *
 * bench/run tells the C library to use its plain i686 functions (GLIBC_TUNABLES): which variants of
 * memcpy and the like it picks depends on the processor model, and then so would the work.
 */
#include "bench.h"

#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <lua5.4/lualib.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* ---- what is compressed: words of a vocabulary, the first ones more often ---- */
#define TEXT_BYTES (192u << 10)
#define WORDS      700
#define PACKED_MAX (TEXT_BYTES + 4096)

static char *text, *packed, *unpacked;
static unsigned packed_len; /* of what unzlib takes apart */

static uint32_t sum_bytes(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint32_t sum = (uint32_t)len;

    for (size_t i = 0; i < len; i++)
        sum = sum_add(sum, p[i]);
    return sum;
}

static void text_set_up(void)
{
    static char word[WORDS][12];
    uint32_t seed = 362436069u;
    unsigned at = 0;

    text = get_memory(TEXT_BYTES);
    packed = get_memory(PACKED_MAX);
    unpacked = get_memory(TEXT_BYTES);
    for (int w = 0; w < WORDS; w++) {
        unsigned len = 2 + random_next(&seed) % 8;

        for (unsigned i = 0; i < len; i++)
            word[w][i] = (char)('a' + random_next(&seed) % 26);
    }
    while (at < TEXT_BYTES) {
        unsigned w = random_next(&seed) % WORDS;
        char end = ' ';

        w = w * (random_next(&seed) % WORDS) / WORDS;
        if (random_next(&seed) % 11 == 0)
            end = random_next(&seed) % 2 ? '\n' : '.';
        for (const char *c = word[w]; *c && at < TEXT_BYTES; c++)
            text[at++] = *c;
        if (at < TEXT_BYTES)
            text[at++] = end;
    }
}

/* ---- zlib: deflate with its default level; unzlib: the way back ---- */
static uint32_t zlib_run(void)
{
    uLongf len = PACKED_MAX;

    if (compress2((Bytef *)packed, &len, (const Bytef *)text, TEXT_BYTES, 6) != Z_OK)
        die("zlib: compress2");
    return sum_bytes(packed, len);
}

static void unzlib_set_up(void)
{
    uLongf len = PACKED_MAX;

    text_set_up();
    if (compress2((Bytef *)packed, &len, (const Bytef *)text, TEXT_BYTES, 6) != Z_OK)
        die("unzlib: compress2");
    packed_len = (unsigned)len;
}

static uint32_t unzlib_run(void)
{
    uint32_t check = 0;

    for (int i = 0; i < 4; i++) {
        uLongf len = TEXT_BYTES;

        if (uncompress((Bytef *)unpacked, &len, (const Bytef *)packed, packed_len) != Z_OK ||
            len != TEXT_BYTES)
            die("unzlib: uncompress");
        check = sum_add(check, (uint32_t)adler32(1, (const Bytef *)unpacked, TEXT_BYTES));
    }
    return check;
}

/* ---- bzip2: there and back ---- */
static uint32_t bzip2_run(void)
{
    unsigned len = PACKED_MAX, back = TEXT_BYTES;

    if (BZ2_bzBuffToBuffCompress(packed, &len, text, TEXT_BYTES, 2, 0, 0) != BZ_OK ||
        BZ2_bzBuffToBuffDecompress(unpacked, &back, packed, len, 0, 0) != BZ_OK ||
        back != TEXT_BYTES || memcmp(text, unpacked, TEXT_BYTES) != 0)
        die("bzip2: a call failed");
    return sum_bytes(packed, len);
}

/* ---- lua: tables, closures, strings, recursion, a little floating point ---- */
static const char lua_source[] =
    "local function queens(n)\n"
    "  local cols, up, down, count = {}, {}, {}, 0\n"
    "  local function place(row)\n"
    "    if row > n then count = count + 1 return end\n"
    "    for c = 1, n do\n"
    "      if not (cols[c] or up[row + c] or down[row - c]) then\n"
    "        cols[c], up[row + c], down[row - c] = true, true, true\n"
    "        place(row + 1)\n"
    "        cols[c], up[row + c], down[row - c] = nil, nil, nil\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  place(1)\n"
    "  return count\n"
    "end\n"
    "local function words(n)\n"
    "  local seen, list, seed = {}, {}, 12345\n"
    "  for i = 1, n do\n"
    "    seed = (seed * 1103515245 + 12345) & 0x7fffffff\n"
    "    local w = string.format('%x', seed >> 12) .. 'k' .. i % 7\n"
    "    if not seen[w] then list[#list + 1] = w end\n"
    "    seen[w] = (seen[w] or 0) + 1\n"
    "  end\n"
    "  table.sort(list)\n"
    "  local s = table.concat(list, ',')\n"
    "  local digits = select(2, s:gsub('%d%a', '%0-'))\n"
    "  return #s * 1000 + digits\n"
    "end\n"
    "local function counter()\n"
    "  local n = 0\n"
    "  return function(by) n = n + by return n end\n"
    "end\n"
    "local function objects(n)\n"
    "  local class = {} class.__index = class\n"
    "  function class.new(v) return setmetatable({ v = v, next = false }, class) end\n"
    "  function class:add(d) self.v = self.v + d return self end\n"
    "  local head, tick, x = false, counter(), 0.5\n"
    "  for i = 1, n do\n"
    "    local o = class.new(i):add(tick(i % 3))\n"
    "    o.next, head = head, o\n"
    "    x = x * 1.25 if x > 1000 then x = x - 999.5 end\n"
    "  end\n"
    "  local sum = 0\n"
    "  while head do sum, head = (sum * 31 + head.v) & 0xffffff, head.next end\n"
    "  return sum + math.floor(x * 4)\n"
    "end\n"
    "return (queens(6) * 31 + words(600)) * 31 + objects(3000)\n";

static uint32_t lua_run(void)
{
    static const luaL_Reg libraries[] = {
        { LUA_GNAME, luaopen_base },
        { LUA_TABLIBNAME, luaopen_table },
        { LUA_STRLIBNAME, luaopen_string },
        { LUA_MATHLIBNAME, luaopen_math },
    };
    lua_State *l = luaL_newstate();
    uint32_t result;

    if (!l)
        die("lua: no memory");
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        luaL_requiref(l, libraries[i].name, libraries[i].func, 1);
        lua_pop(l, 1);
    }
    if (luaL_loadstring(l, lua_source) != LUA_OK || lua_pcall(l, 0, 1, 0) != LUA_OK)
        die(lua_tostring(l, -1));
    result = (uint32_t)lua_tointeger(l, -1);
    lua_close(l);
    return result;
}

/* ---- sqlite: a database in memory: inserts, an index, joins, updates ---- */
static void sql(sqlite3 *db, const char *text_of)
{
    if (sqlite3_exec(db, text_of, NULL, NULL, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text_of)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, text_of, -1, &statement, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    return statement;
}

/* The first random number may wait for the kernel to gather entropy. */
static void sqlite_set_up(void)
{
    char byte;

    sqlite3_initialize();
    sqlite3_randomness(1, &byte);
}

static uint32_t sqlite_run(void)
{
    sqlite3 *db;
    sqlite3_stmt *insert, *query;
    uint32_t seed = 19088743u, sum = 0;

    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        die("sqlite: open");
    sql(db, "create table item(id integer primary key, name text, part integer, price integer);"
            "create table part(id integer primary key, title text); begin");
    insert = prepare(db, "insert into part values(?, ?)");
    for (int i = 0; i < 40; i++) {
        char title[24];

        snprintf(title, sizeof(title), "part %u", random_next(&seed) % 1000);
        sqlite3_bind_int(insert, 1, i);
        sqlite3_bind_text(insert, 2, title, -1, SQLITE_TRANSIENT);
        sqlite3_step(insert);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    insert = prepare(db, "insert into item(name, part, price) values(?, ?, ?)");
    for (int i = 0; i < 600; i++) {
        char name[24];

        snprintf(name, sizeof(name), "item-%06u", random_next(&seed) % 1000000);
        sqlite3_bind_text(insert, 1, name, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int(insert, 2, (int)(random_next(&seed) % 40));
        sqlite3_bind_int(insert, 3, (int)(random_next(&seed) % 10000));
        sqlite3_step(insert);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    sql(db, "commit; create index by_part on item(part, price);"
            "update item set price = price + 1 where name like '%7%';"
            "delete from item where price % 13 = 0");
    query = prepare(db, "select part.title, count(*), sum(price), min(name) from item join part "
                        "on part.id = item.part where price > 500 group by part.title "
                        "order by 3 desc, 1");
    while (sqlite3_step(query) == SQLITE_ROW) {
        sum = sum_add(sum, (uint32_t)sqlite3_column_int(query, 2));
        sum = sum_add(sum, (uint32_t)sqlite3_column_int(query, 1));
        sum = sum_add(
            sum, sum_bytes(sqlite3_column_text(query, 3), (size_t)sqlite3_column_bytes(query, 3)));
    }
    sqlite3_finalize(query);
    sqlite3_close(db);
    return sum;
}

/* ---- busybox: gzip of a file, and a shell script ---- */
static int input_fd = -1;

/* In memory, without a name: nothing depends on the file systems here and there. */
static int memory_file(const void *data, size_t len)
{
    int fd = memfd_create("bench", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, len) != (ssize_t)len)
        die("busybox: no file in memory");
    return fd;
}

/* Runs busybox with the input and returns the sum of its output. */
static uint32_t busybox_sum(char *const *args)
{
    const char *path = busybox_path();
    static char out[TEXT_BYTES];
    size_t len = 0;
    int fds[2], status;
    pid_t pid;

    if (lseek(input_fd, 0, SEEK_SET) != 0 || pipe(fds) != 0)
        die("busybox: pipe");
    pid = vfork();
    if (pid == 0) {
        dup2(input_fd, STDIN_FILENO);
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execve(path, args, program_environ);
        _exit(127);
    }
    close(fds[1]);
    for (;;) {
        ssize_t n = read(fds[0], out + len, sizeof(out) - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fds[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        die("busybox: it failed");
    return sum_bytes(out, len);
}

static void gzip_set_up(void)
{
    text_set_up();
    input_fd = memory_file(text, TEXT_BYTES);
}

static uint32_t gzip_run(void)
{
    static char name[] = "gzip", to_stdout[] = "-c";
    char *args[] = { name, to_stdout, NULL };

    return busybox_sum(args);
}

/* $1 is busybox: its tools are started by name, as processes. */
static const char script[] =
    "bb=$1 n=0 s=7\n"
    "step() { s=$(((s * 31 + $1) % 65521)); }\n"
    "while [ $n -lt 150 ]; do\n"
    "    n=$((n + 1)); step $n\n"
    "    case $s in *7*) t=${t#?}$s ;; *[02468]) t=$t.${s%?} ;; *) t=\"$n $s\" ;; esac\n"
    "done\n"
    "echo \"$n $s $t\"\n"
    "for f in one two three four; do\n"
    "    r=$(echo $f-$s | $bb tr a-f A-F)\n"
    "    echo $r ${#r}\n"
    "done\n"
    "i=0\n"
    "while [ $i -lt 60 ]; do step $i; echo \"$((s % 50)) line $i\"; i=$((i + 1)); done |\n"
    "    $bb sort -n | $bb sed 's/line \\([0-9]\\)/<\\1>/' | $bb awk '{ a += $1; print a, $2 }' |\n"
    "    $bb md5sum\n";

static void shell_set_up(void) { input_fd = memory_file(script, sizeof(script) - 1); }

static uint32_t shell_run(void)
{
    static char name[] = "sh", from_stdin[] = "-s", path[256];
    char *args[] = { name, from_stdin, path, NULL };

    snprintf(path, sizeof(path), "%s", busybox_path());
    return busybox_sum(args);
}

static const struct program app_programs[] = {
    { "lua", "apps", 8, 0, NULL, lua_run },
    { "gzip", "apps", 7, NEEDS_BUSYBOX, gzip_set_up, gzip_run },
    { "zlib", "apps", 7, 0, text_set_up, zlib_run },
    { "unzlib", "apps", 20, 0, unzlib_set_up, unzlib_run },
    { "bzip2", "apps", 5, 0, text_set_up, bzip2_run },
    { "sqlite", "apps", 10, 0, sqlite_set_up, sqlite_run },
    { "shell", "apps", 5, NEEDS_BUSYBOX, shell_set_up, shell_run },
    { 0 },
};

const struct program *const program_tables[] = { app_programs, NULL };
