<?php
// COM_CHANGE_USER from account to account by PHP's mysqlnd, over one connection.

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function facts(array $job): array
{
    $connection = mysqli_init();
    $flags = 0;
    if ($job['ca']) {
        $connection->ssl_set(null, null, $job['ca'], null, null);
        $connection->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, 1);
        $flags = MYSQLI_CLIENT_SSL;
    }
    $connection->real_connect('127.0.0.1', $job['users'][0], $job['password'], null, $job['port'], null, $flags);
    $last = function (string $sql) use ($connection): string {
        $row = $connection->query($sql)->fetch_row();
        return end($row);
    };
    $seen = [$last('SELECT CURRENT_USER()')];
    foreach (array_slice($job['users'], 1) as $user) {
        $connection->change_user($user, $job['password'], null);
        $seen[] = $last('SELECT CURRENT_USER()');
    }
    $encrypted = $last("SHOW STATUS LIKE 'Ssl_cipher'") !== '';
    $connection->close();
    return ['users' => $seen, 'encrypted' => $encrypted];
}

try {
    $facts = facts(json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR));
} catch (Throwable $error) {
    $facts = ['error' => get_class($error) . ': ' . $error->getMessage()];
}
echo json_encode($facts, JSON_THROW_ON_ERROR), "\n";
