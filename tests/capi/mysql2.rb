# Debian's ruby-mysql2, unchanged: mysql2.rb PORT USER PASSWORD CA
require 'mysql2'

port, user, password, ca = ARGV

def connected(port, user, password, ca)
  Mysql2::Client.new(host: '127.0.0.1', port: port.to_i, username: user, password: password, sslca: ca)
end

client = connected(port, user, password, ca)
puts client.query("SHOW STATUS LIKE 'Ssl_cipher'").first['Value']
client.query('SELECT SLEEP(0.01)', async: true)
client.async_result.to_a
row = client.prepare('SELECT ? + 1 AS a, ? AS b, NULL AS c').execute(41, 'café').first
puts "#{row['a'].to_i} #{row['b']} #{row['c'].nil? ? 'NULL' : row['c']}"
begin
  connected(port, user, password, '/etc/ssl/certs/ca-certificates.crt')
  puts 'accepted'
rescue Mysql2::Error => e
  puts e.error_number == 2026 ? 'refused' : e.message
end
puts File.readlines('/proc/self/maps').grep(/libmariadb/).map { |line| line.split.last }.uniq
client.close
