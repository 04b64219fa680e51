package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/store"
)

// metrics are what the server tells Prometheus.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

func newMetrics(st *store.Store, q *jobs.Queue) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fairlead_http_requests_total", Help: "HTTP requests answered."}, []string{"method", "path", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "fairlead_http_request_seconds", Help: "Time until an HTTP request was answered.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10}}, []string{"method", "path"}),
	}
	m.registry.MustRegister(m.requests, m.took, &storeCollector{st, q},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observed counts and times requests by their route, so that nobody can make
// the server keep a series for each path he thinks of.
func (m *metrics) observed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		path := c.Path()
		if path == "" || c.Response().Status == http.StatusNotFound && path == "/*" {
			path = "none"
		}
		m.requests.WithLabelValues(c.Request().Method, path, strconv.Itoa(c.Response().Status)).Inc()
		m.took.WithLabelValues(c.Request().Method, path).Observe(time.Since(start).Seconds())
		return err
	}
}

func (m *metrics) handler() echo.HandlerFunc {
	return echo.WrapHandler(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}

// storeCollector counts what is in the store when it is asked.
type storeCollector struct {
	st *store.Store
	q  *jobs.Queue
}

var (
	descRequests = prometheus.NewDesc("fairlead_requests", "Requests that were accepted, by state.", []string{"state"}, nil)
	descRuns     = prometheus.NewDesc("fairlead_runs", "Recorded runs, by status.", []string{"status"}, nil)
	descPushes   = prometheus.NewDesc("fairlead_pushes_waiting", "Statuses that server-manager has not been told yet.", []string{"state"}, nil)
	descQueue    = prometheus.NewDesc("fairlead_queue", "Requests in the queue, waiting and running.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (*storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRequests, descRuns, descPushes, descQueue} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *storeCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, n int, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), label)
	}
	gauge(descQueue, s.q.Waiting(), "waiting")
	gauge(descQueue, s.q.Running(), "running")
	g, err := s.st.Gauges(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descRuns, err)
		return
	}
	for label, n := range g.Requests {
		gauge(descRequests, n, label)
	}
	for label, n := range g.Runs {
		gauge(descRuns, n, label)
	}
	for label, n := range g.Pushes {
		gauge(descPushes, n, label)
	}
}
