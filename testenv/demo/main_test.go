package main

import (
	"testing"

	"github.com/lockstep-sync/lockstep/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
