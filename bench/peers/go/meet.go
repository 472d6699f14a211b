// Goroutines that meet at random. The channels are deep enough for everything that can wait in
// them, so no two actors wait for each other's room.
package main

import "time"

const (
	creatures    = 100
	meetings     = 200000
	bigActors    = 120
	bigPings     = 20000
	accounts     = 1000
	transactions = 50000
	startBalance = 1000000
	room         = 512
)

const (
	come = iota
	told
	met
	closed
	ping
	pong
	transfer
	credit
	credited
	getTotal
)

func nextRandom(state *uint64) uint32 {
	*state = *state*6364136223846793005 + 1442695040888963407
	return uint32(*state >> 33)
}

func mall(in chan message, done chan int64) {
	var waiting message
	var met_, toldBy, sum int64
	for m := range in {
		switch {
		case m.kind == told:
			sum += m.n
			if toldBy++; toldBy == creatures {
				done <- sum
				return
			}
		case met_ == meetings:
			m.from <- message{kind: closed}
		case waiting.from == nil:
			waiting = m
		default:
			waiting.from <- message{kind: met, n: m.n}
			m.from <- message{kind: met, n: waiting.n}
			waiting.from = nil
			met_++
		}
	}
}

func creature(out chan message, colour int64) {
	var met_ int64
	in := make(chan message, 1)
	for {
		out <- message{come, colour, in}
		m := <-in
		if m.kind == closed {
			out <- message{kind: told, n: met_}
			return
		}
		if m.n != colour {
			colour = 3 - colour - m.n
		}
		met_++
	}
}

func chameneos() float64 {
	in, done := make(chan message, room), make(chan int64)
	go mall(in, done)
	start := time.Now()
	for i := int64(0); i < creatures; i++ {
		go creature(in, i%3)
	}
	if <-done != 2*meetings {
		fail(1, "meetings are missing")
	}
	return since(start) / meetings
}

func bigActor(all []chan message, index int, begin, done chan bool) {
	state, pings, in := uint64(index+1), int64(0), all[index]
	<-begin
	next := func() { all[nextRandom(&state)%bigActors] <- message{ping, pings, in} }
	next()
	for m := range in {
		if m.kind == ping {
			m.from <- message{kind: pong, n: m.n}
			continue
		}
		if m.n != pings {
			fail(1, "a pong of another ping")
		}
		if pings++; pings == bigPings {
			done <- true
		} else {
			next()
		}
	}
}

func big() float64 {
	all := make([]chan message, bigActors)
	begin, done := make(chan bool), make(chan bool, bigActors)
	for i := range all {
		all[i] = make(chan message, room)
	}
	for i := range all {
		go bigActor(all, i, begin, done)
	}
	start := time.Now()
	close(begin)
	for range all {
		<-done
	}
	span := since(start)
	for i := range all {
		close(all[i])
	}
	return span / (bigActors * bigPings)
}

// An order names the receiving account by its channel.
type bankMessage struct {
	kind   int
	amount int64
	from   chan bankMessage
	to     chan bankMessage
}

func account(in chan bankMessage) {
	balance, teller := int64(startBalance), in
	for m := range in {
		switch m.kind {
		case transfer:
			teller = m.from
			balance -= m.amount
			m.to <- bankMessage{kind: credit, amount: m.amount, from: in}
		case credit:
			balance += m.amount
			m.from <- bankMessage{kind: credited, amount: m.amount}
		case credited:
			teller <- bankMessage{amount: m.amount}
		case getTotal:
			m.from <- bankMessage{amount: balance}
			return
		}
	}
}

func teller(all []chan bankMessage, done chan bool) {
	in, state := make(chan bankMessage, deep), uint64(7)
	for i := 0; i < transactions; i++ {
		from, to := nextRandom(&state)%accounts, nextRandom(&state)%(accounts-1)
		if to >= from {
			to++
		}
		all[from] <- bankMessage{transfer, int64(nextRandom(&state) % 1000), in, all[to]}
	}
	for i := 0; i < transactions; i++ {
		<-in
	}
	done <- true
}

func banking() float64 {
	all := make([]chan bankMessage, accounts)
	for i := range all {
		all[i] = make(chan bankMessage, room)
		go account(all[i])
	}
	done := make(chan bool)
	start := time.Now()
	go teller(all, done)
	<-done
	span := since(start)
	sum, in := int64(0), make(chan bankMessage, 1)
	for i := range all {
		all[i] <- bankMessage{kind: getTotal, from: in}
		sum += (<-in).amount
	}
	if sum != accounts*startBalance {
		fail(1, "money was lost or made")
	}
	return span / transactions
}
