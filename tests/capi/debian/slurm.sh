echo "CREATE DATABASE IF NOT EXISTS slurm" | sql
mkdir -p /run/munge /etc/slurm "$PLACE/munge"
mungekey --create --keyfile="$PLACE/munge/key"
munged --force --key-file="$PLACE/munge/key" --pid-file="$PLACE/munge/pid" --log-file="$PLACE/munge/log" --seed-file="$PLACE/munge/seed"
cat >/etc/slurm/slurmdbd.conf <<END
AuthType=auth/munge
DbdHost=localhost
DbdPort=$FREE
SlurmUser=root
PidFile=$PLACE/pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$PORT
StorageUser=$DBUSER
StoragePass=$PASSWORD
StorageLoc=slurm
END
chmod 600 /etc/slurm/slurmdbd.conf
slurmdbd -D >"$PLACE/log" 2>&1 &
await "$PLACE/log" 'started\|mysql_real_connect failed\|fatal'
cat "$PLACE/log"
