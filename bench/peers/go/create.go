// Goroutines made, kept and ended.
package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

const actors = 1000000

func fjcreate() float64 {
	var ended sync.WaitGroup
	ended.Add(actors)
	start := time.Now()
	for i := 0; i < actors; i++ {
		in := make(chan message, 1)
		go func() {
			<-in
			ended.Done()
		}()
		in <- message{n: int64(i)}
	}
	ended.Wait()
	return since(start) / actors
}

func resident() float64 {
	var all, pages float64
	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(text), &all, &pages)
	}
	if err != nil {
		fail(1, "no /proc/self/statm: %v", err)
	}
	return pages * 4096
}

func spawnAll() []chan message {
	all := make([]chan message, actors)
	for i := range all {
		in := make(chan message, 1)
		all[i] = in
		go func() { <-in }()
	}
	return all
}

func endAll(all []chan message) {
	for _, in := range all {
		close(in)
	}
}

func idlemem() float64 {
	before := resident()
	all := spawnAll()
	grown := resident() - before
	endAll(all)
	return grown / actors
}

func spawnIdle() float64 {
	start := time.Now()
	all := spawnAll()
	span := since(start)
	endAll(all)
	return span / actors
}

func fib(n int, to chan int) {
	if n <= 2 {
		to <- 1
		return
	}
	in := make(chan int, 2)
	go fib(n-1, in)
	go fib(n-2, in)
	a, b := <-in, <-in
	to <- a + b
}

func fib25() float64 {
	in := make(chan int, 1)
	start := time.Now()
	go fib(25, in)
	if <-in != 75025 {
		fail(1, "fib(25) is wrong")
	}
	return since(start) / 1e6
}
