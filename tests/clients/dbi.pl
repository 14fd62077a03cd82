# DBD::mysql or DBD::MariaDB at work: prints what it got. See run, beside this file, for what is done and why.
#
# dbi.pl DRIVER HOST PORT SOCKET USER PASSWORD SCHEMA
use strict;
use warnings;
use utf8;
use DBI;
use Digest::SHA qw(sha256_hex);

my ($driver, $host, $port, $socket, $user, $password, $schema) = @ARGV;
my $prefix = $driver eq "mysql" ? "mysql" : "mariadb";
binmode STDOUT, ":utf8";
$| = 1;

sub show {
    my $what = shift;
    print join(" ", $what, map { defined $_ ? "<$_>" : "NULL" } @_), "\n";
}

sub connect_by {
    my ($way, %more) = @_;
    my $where = $way eq "socket" ? "${prefix}_socket=$socket" : "host=$host;port=$port";
    $where .= ";${prefix}_ssl=1;${prefix}_ssl_optional=1" if $way eq "tls"; # else it would want to verify
    my $schema_here = $more{schema} // $schema;
    my $password_here = $more{password} // $password;
    return DBI->connect("DBI:$driver:database=$schema_here;$where", $user, $password_here,
        { RaiseError => $more{quiet} ? 0 : 1, PrintError => 0, AutoCommit => 1,
          ($driver eq "mysql" ? (mysql_enable_utf8mb4 => 1) : ()) });
}

sub rows { # STATEMENT VALUE...
    my ($db, $sql, @values) = @_;
    return map { @$_ } @{$db->selectall_arrayref($sql, undef, @values)};
}

for my $way ("tcp", "tls", "socket") {
    my $db = connect_by($way);
    show("connected by $way", $db->{"${prefix}_serverinfo"}, rows($db, "SELECT DATABASE(), CURRENT_USER()"));
    $db->disconnect;
}
for my $wrong ({ password => "wrong" }, { schema => "missing" }) {
    show("refused", connect_by("socket", quiet => 1, %$wrong) ? "let in" : DBI->err);
}

my $db = connect_by("tcp");
$db->do("DROP TABLE IF EXISTS c_text, c_types");
$db->do("CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2)) CHARACTER SET utf8mb4");

# Text and, where told to, prepared on the server.
for my $is_prepared (0, 1) {
    $db->{"${prefix}_server_prepare"} = $is_prepared;
    $db->begin_work;
    my $insert = $db->prepare("INSERT INTO c_text (a, n) VALUES (?, ?)");
    $insert->execute("Zeile $_ \x{1f600} '\\\"", $_ / 4) for 1 .. 200;
    show("inserted", $db->last_insert_id(undef, undef, undef, undef));
    $db->commit;
    show("read", rows($db, "SELECT * FROM c_text WHERE id IN (?, ?, ?) ORDER BY id", 1, 7, 200));
    show("updated", $db->do("UPDATE c_text SET n = n + 1 WHERE id <= ?", undef, 10));
    my $read = $db->prepare("SELECT a, n FROM c_text WHERE id = ?");
    for my $id (3, 150, 1000) {
        $read->execute($id);
        show("prepared", map { @$_ } @{$read->fetchall_arrayref});
    }
    show("sum", rows($db, "SELECT SUM(n), COUNT(*) FROM c_text"));
}

# Types at their edges.
$db->do("CREATE TABLE c_types (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(40,10), f DOUBLE, " .
    "dt DATETIME(6) NULL, da DATE, t TIME(6), s VARCHAR(300), y YEAR, bits BIT(12), e ENUM('a','b'), b LONGBLOB) " .
    "CHARACTER SET utf8mb4");
my @edges = (
    ["-9223372036854775808", "0", "-123456789012345678901234567890.0123456789", "-1.5e300", "1000-01-01 00:00:00",
     "9999-12-31", "-838:59:59", "", 1901, 0, "a"],
    ["9223372036854775807", "18446744073709551615", "0.0000000001", "2.5e-300", "9999-12-31 23:59:59.999999",
     "1000-01-01", "838:59:59", "\x{fc}\x{20ac}\x{1f600}" x 90, 2155, 4095, "b"],
    [(undef) x 11]);
for my $row (@edges) {
    $db->do("INSERT INTO c_types (i, u, d, f, dt, da, t, s, y, bits, e) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ? + 0, ?)", undef, @$row);
}
for my $is_prepared (0, 1) {
    $db->{"${prefix}_server_prepare"} = $is_prepared;
    my $read = $db->prepare("SELECT id, i, u, d, f, dt, da, t, s, y, bits + 0, e FROM c_types ORDER BY id");
    $read->execute;
    my @described = map { "$_" } @{$read->{TYPE}}, @{$read->{NAME}}; # not behind the last row, for some versions of DBI
    show("types", @$_) for @{$read->fetchall_arrayref};
    show("described", @described);
}

# Transactions.
my $other = connect_by("tcp");
$other->do("DROP TABLE IF EXISTS c_nowhere"); # a write of its own: a replica that has it has all before it
$db->begin_work;
$db->do("UPDATE c_text SET n = -1 WHERE id = 1");
show("not yet seen elsewhere", rows($other, "SELECT n FROM c_text WHERE id = 1"));
show("seen here", rows($db, "SELECT n FROM c_text WHERE id = 1"));
$db->rollback;
show("as before", rows($db, "SELECT n FROM c_text WHERE id = 1"));
$db->begin_work;
$db->do("UPDATE c_text SET n = -1 WHERE id = 1");
$other->do("SET innodb_lock_wait_timeout = 1");
eval { $other->do("UPDATE c_text SET n = 5 WHERE id = 1") };
show("locked", $other->err, $other->state);
$db->commit;

# Errors.
for my $sql ("SELECT * FROM missing", "SELEC 1", "INSERT INTO c_text (id) VALUES (1)",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own', MYSQL_ERRNO = 12345", "INSERT INTO c_types (u) VALUES (-1)") {
    eval { $db->do($sql) };
    show("error", $db->err, $db->state, $db->errstr);
}
$db->do("DO CAST('x' AS SIGNED)");
show("warnings", rows($db, "SHOW WARNINGS"));

# Big results.
for my $is_prepared (0, 1) {
    my $read = $db->prepare("SELECT a.id * 1000 + b.id AS x, REPEAT('y', 100) FROM c_text a, c_text b ORDER BY x",
        { "${prefix}_server_prepare" => $is_prepared }); # _use_result gives no rows with some versions of DBI
    $read->execute;
    my ($count, $sha) = (0, Digest::SHA->new(256));
    while (my $row = $read->fetchrow_arrayref) {
        $count++;
        $sha->add("@$row");
    }
    show("many rows", $count, $sha->hexdigest);
}

# A statement that takes too long is cancelled.
my $id = $db->{"${prefix}_thread_id"} // $db->{mysql_thread_id} // $db->{mariadb_thread_id};
show("own id", rows($db, "SELECT CONNECTION_ID() = $id"));
if ((my $child = fork) == 0) {
    $_->{InactiveDestroy} = 1 for $db, $other;
    my $killer = connect_by("tcp");
    select(undef, undef, undef, 0.5);
    $killer->do("KILL QUERY $id");
    $killer->disconnect;
    require POSIX;
    POSIX::_exit(0);
}
my @slept = eval { rows($db, "SELECT SLEEP(30)") };
show("cancelled", (@slept ? $slept[0] == 1 : $db->err == 1317) ? "yes" : "no");
wait;
show("goes on", rows($db, "SELECT 1"));

# A connection that is killed.
$other->do("KILL $id");
eval {
    for (1 .. 100) {
        rows($db, "SELECT 1");
        select(undef, undef, undef, 0.05);
    }
};
show("killed", ($db->err // 0) =~ /^(2006|2013|1927)$/ ? "yes" : "no");
$db = connect_by("tcp");
show("again", rows($db, "SELECT COUNT(*) FROM c_text"));
$db->do("DROP TABLE c_text, c_types");
$_->disconnect for $db, $other;
