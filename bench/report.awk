# SPDX-License-Identifier: MIT
#
# The report of bench/run: a line per program, then a line per class.
#
# First file: "ROW CLASS" in the order of the report. Second: the raw file of bench/run.
# Variables: by ("wall" or "cpu"), engines (those that ran). Exit status 1 if a checksum differs.

function ratio(a, b) {
    return a > 0 && b > 0 ? sprintf("%.3f", a / b) : "-"
}

# A time in milliseconds with four digits.
function show(ns) {
    ns /= 1e6
    return sprintf(ns >= 1000 ? "%.0f" : ns >= 100 ? "%.1f" : ns >= 10 ? "%.2f" : "%.3f", ns)
}

# The mean of class c over the programs that nestbox and the peer both did, rightly; "-" if none.
function mean(c, peer,    i, r, n, logs) {
    for (i = 1; i <= rows; i++) {
        r = row[i]
        if (class_of[r] != c || wrong[r])
            continue
        if (time["nestbox", r] > 0 && time[peer, r] > 0) {
            logs += log(time["nestbox", r] / time[peer, r])
            n++
        }
    }
    return n ? sprintf("%.3f", exp(logs / n)) : "-"
}

function add(engine_name, r, wall, cpu,    key, v, n) {
    key = engine_name SUBSEP r
    timed[key] = 1
    v = by == "cpu" && !(engine_name == "native" && starts_others[r]) ? cpu : wall
    n = ++times[key]
    all_of[key, n] = v
    all_cpu[key, n] = cpu
}

# The middle one of list[key, 1] to list[key, n]; of an even number the lower of the two.
function median(list, key, n,    i, k, v, sorted) {
    for (i = 1; i <= n; i++) {
        v = list[key, i]
        for (k = i - 1; k > 0 && sorted[k] > v; k--)
            sorted[k + 1] = sorted[k]
        sorted[k + 1] = v
    }
    return sorted[int((n + 1) / 2)]
}

BEGIN {
    count = split(engines, engine, " ")
}

NR == FNR {
    row[++rows] = $1
    class_of[$1] = $2
    # On the host only the clock sees these whole.
    starts_others[$1] = $2 == "os" || /busybox/
    if (!($2 in class_seen)) {
        class_seen[$2] = 1
        class[++classes] = $2
    }
    next
}

$3 == "failed" || $3 == "skipped" {
    key = $1 SUBSEP $2
    reason = $0
    sub(/^[^ ]+ [^ ]+ /, "", reason)
    if (!(key in trouble))
        trouble[key] = reason
    if ($2 == "guest")
        guest_trouble[$1] = reason
    next
}

$2 == "idle" {
    time[$1, $2] = 100 * $3 / $4
    next
}

$2 == "rss" {
    time[$1, $2] = $3 / 1024
    next
}

{
    add($1, $2, $3, $4)
    if ($5 != "-") {
        # An engine that contradicts itself is wrong as well.
        if (($1, $2) in sum && sum[$1, $2] != $5)
            sum[$1, $2] = "varies"
        else
            sum[$1, $2] = $5
    }
}

END {
    for (key in times) {
        time[key] = median(all_of, key, times[key])
        cpu_time[key] = median(all_cpu, key, times[key])
    }
    print "times in ms for one unit of work, by " (by == "cpu" ? "processor time" : "the clock") \
        ", the median of all rounds"
    for (i = 1; i <= rows; i++) {
        r = row[i]
        if (r == "idle" || r == "rss") {
            line = "figure " (r == "idle" ? "idle_percent" : "rss_mb")
            for (e = 1; e <= count; e++) {
                if (engine[e] != "native")
                    line = line " " engine[e] " " \
                        ((engine[e], r) in time ? sprintf("%.2f", time[engine[e], r]) : "-")
            }
            print line
            continue
        }
        line = "program " class_of[r] " " r
        notes = ""
        right = ("native", r) in sum ? sum["native", r] : ("qemu", r) in sum ? sum["qemu", r] : ""
        for (e = 1; e <= count; e++) {
            k = engine[e] SUBSEP r
            if (time[k] > 0)
                line = line " " engine[e] " " show(time[k])
            else if (engine[e] != "native" || k in trouble)
                line = line " " engine[e] " -"
            if (k in timed && time[k] <= 0)
                notes = notes " (" engine[e] " too short to time)"
            if (k in trouble) {
                notes = notes " (" engine[e] " " trouble[k] ")"
                bad += engine[e] == "nestbox" && trouble[k] ~ /^failed/
            }
            if (k in sum && right != "" && sum[k] != right) {
                notes = notes " WRONG in " engine[e] ": " sum[k]
                # An engine's own error must not hide in a mean; a peer's is only said.
                if (engine[e] == "nestbox")
                    wrong[r] = 1
                bad += engine[e] == "nestbox"
            }
        }
        line = line " vs_qemu " ratio(time["nestbox", r], time["qemu", r])
        line = line " vs_native " ratio(time["nestbox", r], time["native", r])
        if (right != "")
            line = line " sum " right
        print line notes
        if (class_of[r] == "boot") {
            line = ""
            for (e = 1; e <= count; e++) {
                if ((engine[e], r) in cpu_time)
                    line = line " " engine[e] " " show(cpu_time[engine[e], r])
            }
            if (line != "")
                print "figure " r "_cpu_ms" line
        }
    }
    for (e = 1; e <= count; e++) {
        if (engine[e] in guest_trouble)
            print "trouble " engine[e] ": the guest " guest_trouble[engine[e]]
    }
    for (c = 1; c <= classes; c++) {
        if (class[c] == "idle" || class[c] == "rss")
            continue
        done = all = 0
        for (i = 1; i <= rows; i++) {
            if (class_of[row[i]] == class[c]) {
                all++
                done += time["nestbox", row[i]] > 0 && !wrong[row[i]]
            }
        }
        print "class " class[c] " vs_qemu " mean(class[c], "qemu") \
            " vs_native " mean(class[c], "native") " vs_bochs " mean(class[c], "bochs") \
            " programs " done "/" all
    }
    exit bad > 0
}
