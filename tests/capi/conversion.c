/* Converts texts from each character set to others; prints what came out. */
#include <mysql.h>
#include <stdio.h>
#include <string.h>

static void convert(const char *text, const char *from_name, const char *to_name, size_t room) {
    char out[64];
    size_t left = strlen(text), free_room = room;
    int error = -1;
    MARIADB_CHARSET_INFO *from = (MARIADB_CHARSET_INFO *)mariadb_get_charset_by_name(from_name);
    MARIADB_CHARSET_INFO *to = (MARIADB_CHARSET_INFO *)mariadb_get_charset_by_name(to_name);
    size_t written = mariadb_convert_string(text, &left, from, out, &free_room, to, &error);
    printf("%s>%s %ld %d %zu %zu:", from_name, to_name, (long)written, error, left, free_room);
    for (size_t i = 0; written != (size_t)-1 && i < written; i++)
        printf("%02x", (unsigned char)out[i]);
    printf("\n");
}

int main(void) {
    static const char *const names[] = {
        "latin1", "latin2", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "koi8r", "koi8u", "greek", "hebrew",
        "latin5", "latin7", "tis620", "gbk", "gb2312", "gb18030", "big5", "sjis", "cp932", "ujis", "eucjpms", "euckr", "utf16", "utf16le",
        "utf32", "ascii", "binary", "macroman", "macce", "armscii8", "geostd8", "dec8", "keybcs2", "swe7", "nosuch", "utf8mb4",
    };
    static const char *const texts[] = {"abc", "caf\xc3\xa9", "\xd0\x9f\xd1\x80\xd0\xb8", "\xe4\xb8\xad\xe6\x96\x87", "\xe2\x82\xac", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
            convert(texts[j], "utf8mb4", names[i], 64);
        convert("ab", names[i], "utf8mb4", 64);
        convert("a\xe9z", names[i], "utf8mb4", 64);
    }
    convert("abc", "latin1", "utf8mb4", 2);
    convert("a\xc3", "utf8mb4", "latin1", 64);
    convert("a\xff", "utf8mb4", "latin1", 64);
    return 0;
}
