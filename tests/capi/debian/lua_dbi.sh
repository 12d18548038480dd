lua5.1 - "$PORT" "$DBUSER" "$PASSWORD" <<'END'
local DBI = require("DBI")
local connection = assert(DBI.Connect("MySQL", "test", arg[2], arg[3], "127.0.0.1", tonumber(arg[1])))
local statement = assert(connection:prepare("SELECT home FROM users WHERE name = ?"))
assert(statement:execute("ada"))
print(statement:fetch()[1])
END
