cat >"$PLACE/example.gbs" <<END
USE "gb.db"
Public Sub Main()
  Dim server As New Connection
  server.Type = "mysql"
  server.Host = "127.0.0.1"
  server.Port = "$PORT"
  server.Login = "$DBUSER"
  server.Password = "$PASSWORD"
  server.Name = "test"
  server.Open()
  Print server.Exec("SELECT home FROM users WHERE name = &1", "ada")!home
  server.Close()
End
END
HOME=$PLACE gbs3 "$PLACE/example.gbs"
