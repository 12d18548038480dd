# Debian's libdbd-mysql-perl, unchanged: dbd_mysql.pl PORT USER PASSWORD CA
use strict;
use warnings;
use utf8;
use DBI;

binmode STDOUT, ':utf8';
my ($port, $user, $password, $ca) = @ARGV;

sub connected {
    my $tls = 'mysql_ssl=1;mysql_ssl_verify_server_cert=1;mysql_ssl_ca_file=' . shift;
    return DBI->connect("DBI:mysql:host=127.0.0.1;port=$port;$tls", $user, $password,
        {RaiseError => 1, PrintError => 0, mysql_server_prepare => 1, mysql_enable_utf8mb4 => 1});
}

my $connection = connected($ca);
print +($connection->selectrow_array("SHOW STATUS LIKE 'Ssl_cipher'"))[1], "\n";
my $statement = $connection->prepare('SELECT ? + 1, ?, NULL');
$statement->bind_param(1, 41, DBI::SQL_INTEGER);
$statement->bind_param(2, 'café');
$statement->execute;
my @row = $statement->fetchrow_array;
$statement->finish;
print join(' ', map { defined $_ ? $_ : 'NULL' } @row), "\n";
print eval { connected('/etc/ssl/certs/ca-certificates.crt'); 1 } ? "accepted\n" : DBI->err == 2026 ? "refused\n" : DBI->errstr . "\n";
open my $maps, '<', '/proc/self/maps' or die;
my %libraries = map { (split)[-1] => 1 } grep { /libmariadb/ } <$maps>;
print "$_\n" for sort keys %libraries;
$connection->disconnect;
