/* Handles that are not closed, for a test of the sanitizer. */
#include <mysql.h>

int main(void) {
    unsigned sum = 0;
    /* The last one's address may still be on the stack. */
    for (int round = 0; round < 10; round++)
        sum += mysql_errno(mysql_init(NULL));
    return sum != 0;
}
