printf "SELECT home FROM users WHERE name = 'ada';\n.quit\n" |
    odbx-sql --backend=mysql --host=127.0.0.1 --port="$PORT" --database=test --username="$DBUSER" --password="$PASSWORD"
