lua5.1 - "$PORT" "$DBUSER" "$PASSWORD" <<'END'
local environment = require("luasql.mysql").mysql()
local connection = assert(environment:connect("test", arg[2], arg[3], "127.0.0.1", tonumber(arg[1])))
local cursor = assert(connection:execute("SELECT home FROM users WHERE name = 'ada'"))
print(cursor:fetch())
END
