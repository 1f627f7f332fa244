// go_bench.go: the same figures on Go, printed beside Eddy's and never a bound.
//
// One processor, so that goroutines switch on one thread as Eddy's tasks do; each figure is the
// least of 7 rounds after a warm-up; rows as bench.h prints them.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

const rounds = 7

func best(figure string, operations int, body func(int) time.Duration) {
	least := 1e18
	for round := 0; round <= rounds; round++ {
		each := float64(body(operations).Nanoseconds()) / float64(operations)
		if round > 0 && each < least {
			least = each
		}
	}
	fmt.Printf("peer\t%s\t%s\t%.0f\tns\n", runtime.Version(), figure, least)
}

func yields(tasks int) func(int) time.Duration {
	return func(operations int) time.Duration {
		var group sync.WaitGroup
		each := operations / tasks
		begin := time.Now()
		for task := 0; task < tasks; task++ {
			group.Add(1)
			go func() {
				for i := 0; i < each; i++ {
					runtime.Gosched()
				}
				group.Done()
			}()
		}
		group.Wait()
		return time.Since(begin)
	}
}

func spawnJoin(operations int) time.Duration {
	begin := time.Now()
	for i := 0; i < operations; i++ {
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
	return time.Since(begin)
}

func wake(operations int) time.Duration {
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
	}()
	begin := time.Now()
	for i := 0; i < operations/2; i++ {
		ping <- struct{}{}
		<-pong
	}
	elapsed := time.Since(begin)
	close(ping)
	return elapsed
}

func main() {
	runtime.GOMAXPROCS(1)
	best("yield, 2 tasks", 200000, yields(2))
	best("yield, 1000 tasks", 500000, yields(1000))
	best("spawn + join", 50000, spawnJoin)
	best("channel wake", 100000, wake)
}
