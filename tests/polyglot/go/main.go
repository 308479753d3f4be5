// Asks a Flight SQL server what a Go program asks of it, through arrow-adbc's driver, unchanged.
//
// Usage: velaria-polyglot URI CHECKS [OPTION=VALUE...]. CHECKS is `all`, or names with commas
// between; the options are the driver's. Each check prints one line of JSON: its name and what it
// found, or the error that ended it. What should be found stands in ../test_go.py.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var checks = []struct {
	name string
	run  func(context.Context, connection) (any, error)
}{
	{"query", query},
	{"large", large},
	{"types", types},
	{"prepared", prepared},
	{"prepared_schema", preparedSchema},
	{"batch", batch},
	{"update", update},
	{"ingest", ingest},
	{"ingest_refused", ingestRefused},
	{"info", info},
	{"tables", tables},
	{"table_schema", tableSchema},
	{"table_types", tableTypes},
	{"partitions", partitions},
	{"error", wrongStatement},
	{"commit", commit},
	{"rollback", rollback},
	{"database_sql", databaseSQL},
}

func main() {
	options, wanted := map[string]string{adbc.OptionKeyURI: os.Args[1]}, strings.Split(os.Args[2], ",")
	for _, option := range os.Args[3:] {
		name, value, _ := strings.Cut(option, "=")
		options[name] = value
	}
	driver := flightsql.NewDriver(memory.DefaultAllocator)
	database, err := driver.NewDatabase(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer database.Close()
	for _, check := range checks {
		if !slices.Contains(wanted, check.name) && !slices.Contains(wanted, "all") {
			continue
		}
		line := map[string]any{"check": check.name}
		if found, err := run(database, options, check.run); err != nil {
			line["fault"] = fault(err)
		} else {
			line["found"] = found
		}
		text, err := json.Marshal(line)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

// run gives each check a connection of its own.
func run(
	database adbc.Database, options map[string]string,
	check func(context.Context, connection) (any, error),
) (any, error) {
	ctx := context.Background()
	opened, err := database.Open(ctx)
	if err != nil {
		return nil, err
	}
	found, err := check(ctx, connection{opened, options})
	return found, errors.Join(err, opened.Close())
}

func fault(err error) map[string]any {
	var told adbc.Error
	if errors.As(err, &told) {
		return map[string]any{"code": told.Code.String(), "text": told.Msg}
	}
	return map[string]any{"text": err.Error()}
}
