cat >"$PLACE/ask.pike" <<'END'
int main(int count, array(string) words) {
    object server = Sql.Sql("mysql://" + words[2] + ":" + words[3] + "@127.0.0.1:" + words[1] + "/test");
    write("%s\n", server->query("SELECT home FROM users WHERE name = 'ada'")[0]->home);
    return 0;
}
END
pike8.0 "$PLACE/ask.pike" "$PORT" "$DBUSER" "$PASSWORD"
