import Testing

@testable import Metrics

@Suite("Prometheus' text format")
struct ExpositionTests {
    @Test("a metric is its help, its kind and its samples")
    func counter() {
        var page = Exposition()
        page.write(.counter, "things_total", "Things.") { samples in
            samples.add(3, ["kind": "a"])
            samples.add(4, ["kind": "b", "of": "c"])
        }
        page.write(.gauge, "level", "Level.") { $0.add(7) }
        #expect(
            page.text == """
                # HELP things_total Things.
                # TYPE things_total counter
                things_total{kind="a"} 3
                things_total{kind="b",of="c"} 4
                # HELP level Level.
                # TYPE level gauge
                level 7

                """
        )
    }

    @Test("a metric without samples is not written")
    func empty() {
        var page = Exposition()
        page.write(.counter, "nothing_total", "Nothing.") { _ in }
        #expect(page.text.isEmpty)
    }

    @Test("a histogram's buckets hold those below them, and the last is its count")
    func histogram() {
        let histogram = Histogram(.rows)
        for value in [1, 1, 3, 2_000] as [UInt64] { histogram.observe(value) }
        var page = Exposition()
        page.write(.histogram, "rows", "Rows.") { $0.add(histogram.snapshot, ["model": "m"]) }
        #expect(
            page.text == """
                # HELP rows Rows.
                # TYPE rows histogram
                rows_bucket{model="m",le="1"} 2
                rows_bucket{model="m",le="2"} 2
                rows_bucket{model="m",le="4"} 3
                rows_bucket{model="m",le="8"} 3
                rows_bucket{model="m",le="16"} 3
                rows_bucket{model="m",le="32"} 3
                rows_bucket{model="m",le="64"} 3
                rows_bucket{model="m",le="128"} 3
                rows_bucket{model="m",le="256"} 3
                rows_bucket{model="m",le="512"} 3
                rows_bucket{model="m",le="1024"} 3
                rows_bucket{model="m",le="+Inf"} 4
                rows_sum{model="m"} 2005
                rows_count{model="m"} 4

                """
        )
    }

    @Test("a histogram of times is in seconds, without labels too")
    func seconds() throws {
        let histogram = Histogram(.latency)
        histogram.observe(1_500)
        var page = Exposition()
        page.write(.histogram, "wait_seconds", "Wait.") { $0.add(histogram.snapshot) }
        let lines = page.text.split(separator: "\n")
        #expect(lines[2] == "wait_seconds_bucket{le=\"0.00001\"} 1")
        #expect(lines.contains("wait_seconds_bucket{le=\"0.0025\"} 1"))
        #expect(lines.contains("wait_seconds_bucket{le=\"10\"} 1"))
        #expect(lines.suffix(2) == ["wait_seconds_sum 0.0000015", "wait_seconds_count 1"])
    }

    @Test(
        "nanoseconds are written exactly",
        arguments: [
            (0, "0"), (1, "0.000000001"), (10_000, "0.00001"), (1_000_000_000, "1"),
            (1_500_000_000, "1.5"), (UInt64.max, "18446744073.709551615"),
        ] as [(UInt64, String)]
    )
    func decimals(nanoseconds: UInt64, text: String) {
        #expect(Exposition.seconds(nanoseconds) == text)
    }

    @Test("what would end a label's value or a line is escaped")
    func escapes() {
        var page = Exposition()
        page.write(.gauge, "g", "a \"b\" \\ c\nd") { $0.add(1, ["name": "x\"} 2\ny\\"]) }
        #expect(
            page.text == """
                # HELP g a "b" \\\\ c\\nd
                # TYPE g gauge
                g{name="x\\"} 2\\ny\\\\"} 1

                """
        )
    }

    @Test("a label without a value is left out")
    func emptyLabel() {
        var page = Exposition()
        page.write(.gauge, "g", "G.") { $0.add(1, ["model": "", "code": "X"]) }
        #expect(page.text.hasSuffix("g{code=\"X\"} 1\n"))
    }

    @Test("the process's figures are there")
    func process() {
        let figures = ProcessFigures.now()
        #expect(figures.cpuMicroseconds > 0)
        #expect(figures.residentBytes > 1 << 20)
        #expect(figures.virtualBytes >= figures.residentBytes)
        #expect((3...figures.maxFiles).contains(figures.openFiles))
    }
}
