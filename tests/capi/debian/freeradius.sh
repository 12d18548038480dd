cat >"$PLACE/radiusd.conf" <<END
prefix = /usr
logdir = $PLACE
run_dir = $PLACE
libdir = /usr/lib/freeradius
max_requests = 1024
security {
  allow_core_dumps = no
}
client localhost {
  ipaddr = 127.0.0.1
  secret = testing123
}
thread pool {
}
modules {
  pap {
  }
  sql {
    driver = "rlm_sql_mysql"
    dialect = "mysql"
    server = "127.0.0.1"
    port = $PORT
    login = "$DBUSER"
    password = "$PASSWORD"
    radius_db = "test"
    read_clients = no
    read_groups = no
    sql_user_name = "%{User-Name}"
    authorize_check_query = "SELECT 1, name, 'Cleartext-Password', password, ':=' FROM users WHERE name = '%{SQL-User-Name}'"
    authcheck_table = "radcheck"
    mysql {
      tls {
        ca_file = "$CA"
      }
    }
  }
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = $FREE
  }
  authorize {
    sql
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
}
END
freeradius -X -d "$PLACE" >"$PLACE/out" 2>&1 &
await "$PLACE/out" 'Ready to process requests\|rlm_sql_mysql: Couldn.t connect'
grep -q 'Ready to process requests' "$PLACE/out"
radtest ada sesame "127.0.0.1:$FREE" 0 testing123
