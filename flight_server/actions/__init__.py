"""One file per area of actions; importing an area's file enters its actions in the table."""
