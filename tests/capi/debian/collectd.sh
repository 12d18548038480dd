cat >"$PLACE/collectd.conf" <<END
Hostname sealwire
FQDNLookup false
BaseDir "$PLACE"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  File "$PLACE/log"
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "stdout"
</Plugin>
LoadPlugin mysql
<Plugin mysql>
  <Database test>
    Host "127.0.0.1"
    Port $PORT
    User "$DBUSER"
    Password "$PASSWORD"
    Database "test"
    SSLCA "$CA"
  </Database>
</Plugin>
END
collectd -C "$PLACE/collectd.conf" -T
