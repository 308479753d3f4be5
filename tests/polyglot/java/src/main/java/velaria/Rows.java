package velaria;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Reads results whole. */
final class Rows {
  private Rows() {}

  static List<Object> of(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return of(statement.executeQuery(sql));
    }
  }

  /** All columns of each row; closes the result. */
  static List<Object> of(ResultSet result) throws SQLException {
    int count = result.getMetaData().getColumnCount();
    String[] names = new String[count];
    for (int column = 0; column < count; column++) {
      names[column] = result.getMetaData().getColumnLabel(column + 1);
    }
    return of(result, names);
  }

  static List<Object> of(ResultSet result, String... columns) throws SQLException {
    try (result) {
      List<Object> rows = new ArrayList<>();
      while (result.next()) {
        List<Object> row = new ArrayList<>();
        for (String column : columns) {
          row.add(result.getObject(column));
        }
        rows.add(row);
      }
      return rows;
    }
  }

  static int update(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }
}
