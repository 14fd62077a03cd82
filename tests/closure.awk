# From the table of layers, for the Makefile: one word a room, "closure_ROOM:=ROOM+all+below+it".
/^#/ || !/:/ { next }
{
    room = $1
    sub(/:$/, "", room)
    order[++count] = room
    below[room] = ""
    for (i = 2; i <= NF; i++) below[room] = below[room] " " $i
}
function visit(room,    parts, n, i) {
    if (room in seen) return
    seen[room] = 1
    n = split(below[room], parts, " ")
    for (i = 1; i <= n; i++) visit(parts[i])
    result = result "+" room
}
END {
    for (k = 1; k <= count; k++) {
        split("", seen)
        result = "+proxy/base"
        seen["proxy/base"] = 1
        visit(order[k])
        print "closure_" order[k] ":=" substr(result, 2)
    }
}
