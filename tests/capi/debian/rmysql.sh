# What the package's own script would copy when it is installed.
mkdir -p /etc/R
cp /usr/lib/R/etc/Renviron.ucf /etc/R/Renviron
cat >"$PLACE/example.R" <<END
library(DBI)
server <- dbConnect(RMySQL::MySQL(), host = "127.0.0.1", port = $PORT, user = "$DBUSER", password = "$PASSWORD", dbname = "test")
print(dbGetQuery(server, "SELECT home FROM users WHERE name = 'ada'"))
invisible(dbDisconnect(server))
END
LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/blas:/usr/lib/x86_64-linux-gnu/lapack Rscript "$PLACE/example.R"
