/* Sets each option by its number, and reads it back before and after; a line for each. */
#include <mysql.h>
#include <stdio.h>
#include <string.h>

/* N: unsigned int, F: my_bool, B: a byte, S: size_t, T: text, P: pointer, O: no argument, W: written and not read. */
struct option_case {
    unsigned number;
    char type;
    const char *text;
    unsigned value;
};

static const struct option_case valid[] = {
    {0, 'N', 0, 7}, {1, 'F', 0, 1}, {2, 'F', 0, 1}, {3, 'W', "SELECT 1"}, {4, 'T', "/nonexistent"}, {5, 'T', "group"},
    {6, 'W', "/charsets"}, {7, 'T', "latin1"}, {8, 'N', 0, 1}, {9, 'N', 0, 1}, {10, 'T', "memory"}, {11, 'N', 0, 7}, {12, 'N', 0, 7},
    {13, 'F', 0, 1}, {14, 'F', 0, 1}, {15, 'F', 0, 1}, {16, 'F', 0, 1}, {17, 'F', 0, 1}, {18, 'F', 0, 1}, {19, 'F', 0, 1},
    {20, 'F', 0, 1}, {21, 'F', 0, 1}, {22, 'T', "/plugins"}, {23, 'T', "mysql_native_password"}, {24, 'T', "127.0.0.1"},
    {25, 'T', "key.pem"}, {26, 'T', "cert.pem"}, {27, 'T', "ca.pem"}, {28, 'T', "/ca"}, {29, 'T', "AES256"}, {30, 'T', "crl.pem"},
    {31, 'T', "/crl"}, {32, 'O'}, {34, 'T', "name"}, {35, 'T', "public.pem"}, {36, 'W', 0, 1}, {37, 'F', 0, 1}, {38, 'F', 0, 1},
    {39, 'S', 0, 70000}, {40, 'S', 0, 70000}, {41, 'T', "TLSv1.2"}, {42, 'B', 0, 7}, {43, 'N', 0, 7}, {5999, 'P'},
    {7000, 'O'}, {7001, 'T', "fingerprint"}, {7002, 'T', "/fingerprints"}, {7003, 'T', "passphrase"}, {7004, 'N', 0, 256},
    {7005, 'T', "TLSv1.3"}, {7006, 'T', "fingerprint"}, {7007, 'T', "/fingerprints"}, {7008, 'F', 0, 1}, {7012, 'W', 0, 3307},
    {7013, 'W', "/socket"}, {7014, 'W', "password"}, {7015, 'W', "host"}, {7016, 'W', "user"}, {7017, 'W', "schema"},
    {7019, 'W', 0, 1}, {7020, 'W', 0, 1}, {7021, 'W', 0, 1}, {7022, 'W', 0, 1}, {7026, 'W', "mysql_native_password"},
    {7029, 'P'}, {7031, 'P'}, {8000, 'N', 0, 7},
};

static const struct option_case invalid[] = {
    {9, 'N', 0, 9}, {41, 'T', "SSLv99"}, {42, 'B', 0, 99}, {7004, 'N', 0, 1000}, {7012, 'N', 0, 70000}, {7026, 'T', "no_such_plugin"},
    {0x53570001, 'N', 0, 6}, {0x53570001, 'N', 0, 0},
};

static int set(MYSQL *mysql, const struct option_case *one) {
    unsigned number = one->value;
    my_bool flag = (my_bool)one->value;
    size_t size = one->value;
    const void *argument = NULL;
    if (one->text)
        argument = one->text;
    else if (one->type == 'N')
        argument = &number;
    else if (one->type == 'S')
        argument = &size;
    else if (one->type == 'P')
        argument = "somewhere";
    else if (one->type == 'W')
        argument = &number;
    else if (one->type != 'O')
        argument = &flag;
    return mysql_options(mysql, (enum mysql_option)one->number, argument);
}

static void show(MYSQL *mysql, const struct option_case *one) {
    union {
        unsigned number;
        my_bool flag;
        unsigned char byte;
        size_t size;
        char *text;
    } value;
    memset(&value, 0, sizeof value);
    if (one->type == 'W' || mysql_get_option(mysql, (enum mysql_option)one->number, &value)) {
        printf(" -");
        return;
    }
    switch (one->type) {
    case 'N': printf(" %u", value.number); break;
    case 'F': printf(" %d", value.flag); break;
    case 'B': printf(" %u", value.byte); break;
    case 'S': printf(" %zu", value.size); break;
    default: printf(" %s", value.text ? value.text : "NULL");
    }
}

/* options [invalid] */
int main(int count, char **words) {
    const struct option_case *all = count > 1 ? invalid : valid;
    size_t length = count > 1 ? sizeof invalid / sizeof *invalid : sizeof valid / sizeof *valid;
    for (size_t i = 0; i < length; i++) {
        MYSQL *mysql = mysql_init(NULL);
        printf("%u", all[i].number);
        show(mysql, &all[i]);
        int failed = set(mysql, &all[i]);
        unsigned number = failed ? mysql_errno(mysql) : 0;
        printf(" %d:%u", failed, number);
        show(mysql, &all[i]);
        printf("\n");
        mysql_close(mysql);
    }
    return 0;
}
