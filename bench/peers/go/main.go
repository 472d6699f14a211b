// The measurements of troupe-bench with goroutines: NAME... [--workers N] [--reps N] [--json].
// An actor is a goroutine with one buffered channel; no mailbox of Go is unbounded.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"time"
)

type measurement struct {
	name string
	unit string
	run  func() float64
}

var measurements = []measurement{
	{"pingpong", "ns/hop", pingpong},
	{"threadring", "ns/hop", threadring},
	{"count", "Mmsg/s", func() float64 { return fanin(1) }},
	{"fanin2", "Mmsg/s", func() float64 { return fanin(2) }},
	{"fanin4", "Mmsg/s", func() float64 { return fanin(4) }},
	{"fanin8", "Mmsg/s", func() float64 { return fanin(8) }},
	{"fjthrput", "Mmsg/s", fjthrput},
	{"fjcreate", "ns/actor", fjcreate},
	{"fib25", "ms", fib25},
	{"chameneos", "ns/meeting", chameneos},
	{"big", "ns/ping", big},
	{"banking", "ns/transaction", banking},
	{"idlemem", "bytes/actor", idlemem},
	{"spawn", "ns/actor", spawnIdle},
	{"timer_arm", "ns", func() float64 { return timers(false) }},
	{"timer_cancel", "ns", func() float64 { return timers(true) }},
}

func fail(code int, format string, values ...any) {
	fmt.Fprintf(os.Stderr, "go: "+format+"\n", values...)
	os.Exit(code)
}

func find(name string) measurement {
	for _, m := range measurements {
		if m.name == name {
			return m
		}
	}
	fail(2, "no measurement of the name %s", name)
	return measurement{}
}

func since(start time.Time) float64 { return float64(time.Since(start).Nanoseconds()) }

func measure(m measurement, workers, reps int, json bool) {
	values := make([]float64, reps)
	for i := range values {
		runtime.GC()
		values[i] = m.run()
	}
	sort.Float64s(values)
	median := values[reps/2]
	if json {
		fmt.Printf("{\"name\":\"%s\",\"workers\":%d,\"value\":%.3f,\"unit\":\"%s\",\"reps\":%d,"+
			"\"min\":%.3f,\"max\":%.3f}\n", m.name, workers, median, m.unit, reps, values[0],
			values[reps-1])
	} else {
		fmt.Printf("%-14s %10.2f %s\n", m.name, median, m.unit)
	}
}

func main() {
	workers, reps, json := 1, 5, false
	var names []string
	number := func(i int) int {
		if i >= len(os.Args) {
			fail(2, "a number is missing")
		}
		n, err := strconv.Atoi(os.Args[i])
		if err != nil || n < 1 {
			fail(2, "not a number: %s", os.Args[i])
		}
		return n
	}
	for i := 1; i < len(os.Args); i++ {
		switch arg := os.Args[i]; {
		case arg == "--workers":
			i++
			workers = number(i)
		case arg == "--reps":
			i++
			reps = number(i)
		case arg == "--json":
			json = true
		case arg == "--version":
			fmt.Println("Go " + strings.TrimPrefix(runtime.Version(), "go"))
			return
		case arg == "--list":
			for _, m := range measurements {
				fmt.Printf("%-14s %s\n", m.name, m.unit)
			}
			return
		case strings.HasPrefix(arg, "--"):
			fail(2, "unknown option %s", arg)
		default:
			names = append(names, arg)
		}
	}
	runtime.GOMAXPROCS(workers)
	debug.SetMaxThreads(1000)
	for _, name := range names {
		measure(find(name), workers, reps, json)
	}
}
