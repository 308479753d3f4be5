package velaria;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Queries, changes, parameters and transactions. */
final class Statements {
  private Statements() {}

  static Object query(Connection connection) throws SQLException {
    return Rows.of(connection, "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) ORDER BY x DESC");
  }

  static Object large(Connection connection) throws SQLException {
    long count = 0;
    long sum = 0;
    try (Statement statement = connection.createStatement();
        ResultSet result =
            statement.executeQuery("SELECT n, repeat('x', 100) AS s FROM range(200000) r(n)")) {
      while (result.next()) {
        count++;
        sum += result.getLong(1);
      }
    }
    return Map.of("rows", count, "sum", sum);
  }

  static Object types(Connection connection) throws SQLException {
    return Rows.of(
        connection,
        """
        SELECT TRUE AS a, CAST(7 AS SMALLINT) AS b, 0.5e0 AS c, CAST('12.30' AS DECIMAL(10, 2)) AS d,
          DATE '2013-06-01' AS e, TIMESTAMP '2013-06-01 01:02:03' AS f, 'h\u00e9\u00e9' AS g""");
  }

  static Object resultMetadata(Connection connection) throws SQLException {
    List<Object> found = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery("SELECT 1 AS n, 'a' AS s, 0.5e0 AS d")) {
      ResultSetMetaData told = result.getMetaData();
      for (int column = 1; column <= told.getColumnCount(); column++) {
        found.add(List.of(told.getColumnLabel(column), told.getColumnType(column)));
      }
    }
    return found;
  }

  static Object prepared(Connection connection) throws SQLException {
    List<Object> found = new ArrayList<>();
    Rows.update(
        connection,
        "CREATE OR REPLACE TABLE java_t AS SELECT n, 'name ' || n AS s FROM range(10) r(n)");
    String sql = "SELECT n, s FROM java_t WHERE n = ? AND s LIKE ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (long number = 3; number < 5; number++) {
        statement.setLong(1, number);
        statement.setString(2, "name%");
        found.addAll(Rows.of(statement.executeQuery()));
      }
    }
    return found;
  }

  static Object preparedMetadata(Connection connection) throws SQLException {
    Rows.update(connection, "CREATE OR REPLACE TABLE java_m(n BIGINT, s VARCHAR)");
    String sql = "SELECT n FROM java_m WHERE n = ? AND s LIKE ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      var told = statement.getParameterMetaData();
      return List.of(told.getParameterCount(), told.getParameterType(1), told.getParameterType(2));
    }
  }

  static Object preparedTypes(Connection connection) throws SQLException {
    Rows.update(
        connection,
        "CREATE OR REPLACE TABLE java_types(a INTEGER, b DOUBLE, c BOOLEAN, d DECIMAL(10, 2),"
            + " e DATE, f VARCHAR, g BLOB)");
    String sql = "INSERT INTO java_types VALUES (?, ?, ?, ?, ?, ?, ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setInt(1, 7);
      statement.setDouble(2, 0.5);
      statement.setBoolean(3, true);
      statement.setBigDecimal(4, new BigDecimal("12.30"));
      statement.setDate(5, Date.valueOf("2013-06-01"));
      statement.setString(6, "it's");
      statement.setBytes(7, new byte[] {0, 1});
      statement.executeUpdate();
    }
    return Rows.of(connection, "SELECT a, b, c, d, e, f, octet_length(g) AS g FROM java_types");
  }

  /** The way round setTimestamp, which sends milliseconds whatever unit the parameter has. */
  static Object preparedTimestamp(Connection connection) throws SQLException {
    String sql = "SELECT CAST(CAST(? AS VARCHAR) AS TIMESTAMP) AS at";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, "2013-06-01 01:02:03.004");
      return Rows.of(statement.executeQuery());
    }
  }

  static Object preparedNull(Connection connection) throws SQLException {
    Rows.update(connection, "CREATE OR REPLACE TABLE java_null(n BIGINT, s VARCHAR)");
    try (PreparedStatement statement = connection.prepareStatement("INSERT INTO java_null VALUES (?, ?)")) {
      statement.setNull(1, Types.BIGINT);
      statement.setNull(2, Types.VARCHAR);
      statement.executeUpdate();
    }
    return Rows.of(connection, "SELECT * FROM java_null");
  }

  static Object batch(Connection connection) throws SQLException {
    Rows.update(connection, "CREATE OR REPLACE TABLE java_batch(n BIGINT, s VARCHAR)");
    int[] counts;
    try (PreparedStatement statement = connection.prepareStatement("INSERT INTO java_batch VALUES (?, ?)")) {
      for (int row = 0; row < 100; row++) {
        statement.setLong(1, row);
        statement.setString(2, "row " + row);
        statement.addBatch();
      }
      counts = statement.executeBatch();
    }
    return Map.of(
        "told", Arrays.stream(counts).sum(),
        "rows", Rows.of(connection, "SELECT count(*), sum(n), count(DISTINCT s) FROM java_batch"));
  }

  static Object update(Connection connection) throws SQLException {
    return List.of(
        Rows.update(connection, "CREATE OR REPLACE TABLE java_u AS SELECT n FROM range(10) r(n)"),
        Rows.update(connection, "UPDATE java_u SET n = n + 1 WHERE n > 6"),
        Rows.update(connection, "DELETE FROM java_u WHERE n < 5"));
  }

  static Object wrongStatement(Connection connection) throws SQLException {
    return Rows.of(connection, "SELECT * FROM java_nowhere");
  }

  /** The error comes with the rows, not with the plan. */
  static Object wrongValue(Connection connection) throws SQLException {
    return Rows.of(connection, "SELECT CAST(nullif(n, 3) || 'x' AS INTEGER) FROM range(9) r(n)");
  }

  static Object commit(Connection connection) throws SQLException {
    return inTransaction(connection, "java_commit", "COMMIT");
  }

  static Object rollback(Connection connection) throws SQLException {
    return inTransaction(connection, "java_rollback", "ROLLBACK");
  }

  /** By statements, since the driver's own commit() and rollback() send nothing. */
  private static Object inTransaction(Connection connection, String table, String end)
      throws SQLException {
    Rows.update(connection, "CREATE OR REPLACE TABLE " + table + "(n BIGINT)");
    String count = "SELECT count(*) FROM " + table;
    Rows.update(connection, "BEGIN");
    Rows.update(connection, "INSERT INTO " + table + " VALUES (1)");
    List<Object> inside = Rows.of(connection, count);
    Rows.update(connection, end);
    return Map.of("inside", inside, "after", Rows.of(connection, count));
  }
}
