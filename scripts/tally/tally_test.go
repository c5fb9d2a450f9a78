package main

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{
			"passing tests are counted and stay silent",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Elapsed":1.25}`,
			"ok    p                                                             1.2s\n2 passed, 0 failed\n",
		},
		{
			"a failing test shows what it wrote",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p","Elapsed":0.5}`,
			"    a_test.go:7: got 1, want 2\nFAIL  p                                                             0.5s\n0 passed, 1 failed\n",
		},
		{
			"a package that is not built counts as a failure",
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:3: undefined: b\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			"p/a.go:3: undefined: b\nFAIL\tp [build failed]\nFAIL  p                                                             0.0s\n0 passed, 1 failed\n",
		},
		{
			"a crash shows the test it happened in",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"p","Elapsed":900}`,
			"panic: test timed out\nFAIL  p                                                           900.0s\n0 passed, 1 failed\n",
		},
		{
			"a skipped test is named",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: no database\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":0}`,
			"    a_test.go:7: no database\nok    p                                                             0.0s\n0 passed, 0 failed, 1 skipped\n",
		},
		{
			"what is not JSON is go complaining",
			"pattern ./...: directory prefix . does not contain main module\n",
			"pattern ./...: directory prefix . does not contain main module\n0 passed, 0 failed\n",
		},
		{
			"a package without tests is not worth a line",
			`{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
{"Action":"skip","Package":"p"}`,
			"0 passed, 0 failed\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			y := newTally(&out)
			if err := y.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			y.close()
			if out.String() != c.want {
				t.Errorf("got\n%swant\n%s", out.String(), c.want)
			}
		})
	}
}
