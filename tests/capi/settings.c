/* Connects with options that are given by number, once or several times, and prints what the connection got. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ANSWERS
#include "misuse.h"

/* The library finds this function by its name, as MariaDB's plugin for PAM does. */
char *mysql_authentication_dialog_ask(MYSQL *mysql, int type, const char *prompt, char *buffer, int room) {
    printf("%s %d %s\n", mysql ? "asked" : "asked for nobody", type, prompt);
    if (!strcmp(prompt, "Nothing"))
        return NULL;
    if (!strcmp(prompt, "Misuse"))
        misuse(mysql, NULL);
    if (!strcmp(prompt, "All")) {
        /* No NUL: what stands behind the buffer is not the library's to send. */
        memset(buffer, 'A', room);
        return buffer;
    }
    snprintf(buffer, room, "answer %d", type);
    return buffer;
}
#endif

static MYSQL *set(char **words) {
    MYSQL *mysql = mysql_init(NULL);
    for (; *words; words++) {
        /* NUMBER=TEXT, NUMBER:NUMBER, NUMBER!FLAG */
        char *kind;
        unsigned option = strtoul(*words, &kind, 0), number = strtoul(kind + 1, NULL, 0);
        my_bool flag = kind[1] == '1';
        const void *argument = *kind == '=' ? (const void *)(kind + 1) : *kind == ':' ? (const void *)&number : (const void *)&flag;
        if (mysql_options(mysql, (enum mysql_option)option, argument)) {
            printf("option %u: %u %s\n", option, mysql_errno(mysql), mysql_error(mysql));
            exit(1);
        }
    }
    return mysql;
}

/* settings TIMES HOST PORT USER PASSWORD SOCKET OPTION... */
int main(int count, char **words) {
    if (count < 7)
        return 2;
    for (int times = atoi(words[1]); times > 0; times--) {
        MYSQL *mysql = set(words + 7);
        if (!mysql_real_connect(mysql, words[2], words[4], words[5], NULL, atoi(words[3]), *words[6] ? words[6] : NULL, 0)) {
            printf("%u %s %s\n", mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql));
            mysql_close(mysql);
            return 1;
        }
        const char *cipher = mysql_get_ssl_cipher(mysql), *group = NULL, *verified = NULL;
        unsigned reused = 77;
        mariadb_get_infov(mysql, SEALWIRE_TLS_SESSION_REUSED, &reused);
        mariadb_get_infov(mysql, SEALWIRE_TLS_VERIFICATION, &verified);
        if (mysql_errno(mysql))
            printf("%s\n", mysql_error(mysql));
        printf("OK %s %s %u", cipher ? cipher : "none", verified ? verified : "none", reused);
        mariadb_get_infov(mysql, SEALWIRE_TLS_KEY_EXCHANGE, &group);
        printf(" %s\n", group ? group : "none");
        mysql_query(mysql, "DO 1");
        mysql_close(mysql);
    }
    return 0;
}
