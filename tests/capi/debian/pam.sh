cat >/etc/pam.d/sealwire <<END
auth required pam_mysql.so user=$DBUSER passwd=$PASSWORD host=127.0.0.1:$PORT db=test table=users usercolumn=name passwdcolumn=password crypt=0
account required pam_permit.so
END
echo sesame | pamtester sealwire ada authenticate
