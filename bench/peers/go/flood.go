// Ping-pong, the ring, floods and timers.
package main

import "time"

const (
	messages = 1000000
	ringSize = 100
	sinks    = 60
	each     = 10000
	deep     = 4096 // a mailbox that many write to
)

// One message: what it is, a number, who sent it.
type message struct {
	kind int
	n    int64
	from chan message
}

func pingpong() float64 {
	a, b, done := make(chan message, 1), make(chan message, 1), make(chan int64)
	go func() {
		for m := range a {
			m.from <- message{n: m.n}
		}
	}()
	start := time.Now()
	go func() {
		a <- message{n: 1, from: b}
		for m := range b {
			if m.n == messages {
				done <- m.n
				return
			}
			a <- message{n: m.n + 1, from: b}
		}
	}()
	<-done
	span := since(start)
	close(a)
	return span / (2 * messages)
}

func threadring() float64 {
	var ring [ringSize]chan message
	done := make(chan bool)
	for i := range ring {
		ring[i] = make(chan message, 1)
	}
	for i := range ring {
		go func(in, next chan message) {
			for m := range in {
				if m.n == 0 {
					done <- true
				} else {
					next <- message{n: m.n - 1}
				}
			}
		}(ring[i], ring[(i+1)%ringSize])
	}
	start := time.Now()
	ring[0] <- message{n: messages}
	<-done
	span := since(start)
	for i := range ring {
		close(ring[i])
	}
	return span / messages
}

func sink(in chan message, expected int, done chan bool) {
	for i := 0; i < expected; i++ {
		<-in
	}
	done <- true
}

func fanin(producers int) float64 {
	in, done := make(chan message, deep), make(chan bool)
	go sink(in, messages/producers*producers, done)
	start := time.Now()
	for p := 0; p < producers; p++ {
		go func() {
			for i := 0; i < messages/producers; i++ {
				in <- message{n: int64(i)}
			}
		}()
	}
	<-done
	return messages * 1e3 / since(start)
}

func fjthrput() float64 {
	var in [sinks]chan message
	done := make(chan bool)
	for i := range in {
		in[i] = make(chan message, deep)
		go sink(in[i], each, done)
	}
	start := time.Now()
	for n := 0; n < each; n++ {
		for i := range in {
			in[i] <- message{n: int64(n)}
		}
	}
	for range in {
		<-done
	}
	return sinks * each * 1e3 / since(start)
}

func timers(cancel bool) float64 {
	all := make([]*time.Timer, messages)
	in := make(chan message, 1)
	start := time.Now()
	for i := range all {
		n := int64(i)
		after := time.Hour + time.Duration(i)*time.Microsecond
		all[i] = time.AfterFunc(after, func() { in <- message{n: n} })
	}
	armed := since(start)
	start = time.Now()
	for _, timer := range all {
		if !timer.Stop() {
			fail(1, "a timer was gone")
		}
	}
	if cancel {
		armed = since(start)
	}
	return armed / messages
}
