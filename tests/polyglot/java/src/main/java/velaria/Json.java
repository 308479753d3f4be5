package velaria;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes maps, lists, numbers, booleans and null as JSON, and anything else as its text. */
final class Json {
  private Json() {}

  static String text(Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) {
      return String.valueOf(value);
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Json::text).collect(Collectors.joining(",", "[", "]"));
    }
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(entry -> quoted((String) entry.getKey()) + ":" + text(entry.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    }
    return quoted(value.toString());
  }

  private static String quoted(String text) {
    return text.chars()
        .mapToObj(c -> c < ' ' || c > '~' || c == '"' || c == '\\' ? "\\u%04x".formatted(c) : "" + (char) c)
        .collect(Collectors.joining("", "\"", "\""));
  }
}
