<?php
// PHP's mysqli on mysqlnd.

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

const TEXT = "SELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing";

function facts(array $job): array
{
    $connection = mysqli_init();
    $flags = 0;
    if ($tls = $job['tls']) {
        $connection->ssl_set($tls['key'], $tls['cert'], $tls['ca'], null, null);
        $connection->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, 1);
        $flags |= MYSQLI_CLIENT_SSL;
    }
    if ($job['compress']) {
        $flags |= MYSQLI_CLIENT_COMPRESS;
    }
    $connection->real_connect(
        $job['host'], $job['user'], $job['password'], $job['database'], $job['port'], null, $flags
    );
    $connection->set_charset('utf8mb4');
    $text = fn (string $sql): array => $connection->query($sql)->fetch_row();
    $prepared = function (string $sql, array $values) use ($connection): array {
        $statement = $connection->prepare($sql);
        $statement->execute($values);
        return $statement->get_result()->fetch_row();
    };
    $strings = fn (array $row): array => array_map(fn ($value) => $value === null ? null : (string) $value, $row);
    $big = substr(str_repeat('abcdefghijklmnopqrstuvwxyz', intdiv($job['big'], 26) + 1), 0, $job['big']);
    $facts = [
        'driver' => 'mysqli',
        'ssl_cipher' => $text("SHOW STATUS LIKE 'Ssl_cipher'")[1],
        'ssl_version' => $text("SHOW STATUS LIKE 'Ssl_version'")[1],
        'user' => $text('SELECT CURRENT_USER()')[0],
        'database' => $text('SELECT DATABASE()')[0],
        'text' => $strings($text(TEXT)),
        'prepared' => $strings($prepared('SELECT ? + 2 AS sum, ? AS text, ? AS nothing', [40, 'Grüße', null])),
        'big_up' => (int) $prepared('SELECT LENGTH(?)', [$big])[0],
        'big_intact' => $prepared('SELECT ?', [$big])[0] === $big,
    ];
    if ($job['compress']) {
        $facts['compression'] = $text("SHOW STATUS LIKE 'Compression'")[1];
    }
    $connection->change_user($job['other_user'], $job['other_password'], $job['database']);
    $facts['changed_user'] = $text('SELECT CURRENT_USER()')[0];
    $facts['changed_cipher'] = $text("SHOW STATUS LIKE 'Ssl_cipher'")[1];
    $connection->close();
    return $facts;
}

try {
    $facts = facts(json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR));
} catch (Throwable $error) {
    $facts = ['error' => get_class($error) . ': ' . $error->getMessage()];
}
echo json_encode($facts, JSON_THROW_ON_ERROR), "\n";
