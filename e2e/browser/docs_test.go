package browser

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ordermanagement/e2e/process"
)

// operation is a call in Swagger UI: a selector of its block.
type operation string

const (
	createProduct operation = `.opblock-post:has([data-path="/v2/products"])`
	createOrder   operation = `.opblock-post:has([data-path="/v2/orders"])`
	getOrder      operation = `.opblock-get:has([data-path^="/v2/orders/{"])`
	updateOrder   operation = `.opblock-patch:has([data-path^="/v2/orders/{"])`
)

func (o operation) parameter(name string) string {
	return fmt.Sprintf(`%s tr[data-param-name=%q i] input`, o, name)
}

func (o operation) path() string { return string(o) + ` tr[data-param-in="path"] input` }
func (o operation) body() string { return string(o) + ` .body-param__text` }

// try opens a call and makes its inputs editable.
func (o operation) try(b *tab) {
	b.Helper()
	b.click(string(o) + ` .opblock-summary-control`)
	b.click(string(o) + ` .try-out__btn`)
}

// execute sends what is filled in, and answers the status and the body.
func (o operation) execute(b *tab) (status string, body map[string]any) {
	b.Helper()
	b.click(string(o) + ` .execute`)
	row := string(o) + ` .live-responses-table tr.response`
	status = await[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText.trim().slice(0, 3)`, row+` .response-col_status`))
	text := await[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText`, row+` .highlight-code pre`))
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		b.Fatalf("the answer shown is no JSON: %v: %s", err, text)
	}
	return status, body
}

// again forgets the answer, so that the next one can be told from it.
func (o operation) again(b *tab) {
	b.Helper()
	b.click(string(o) + ` .btn-clear`)
	b.do(chromedp.WaitNotPresent(chromedp.CSS(string(o) + ` .live-responses-table`)))
}

// showsVersion waits until Swagger UI shows the document of a version, whole.
func showsVersion(b *tab, version string) {
	b.Helper()
	await[bool](b, fmt.Sprintf(`document.querySelector(".information-container .title")?.innerText.includes(%q) && document.querySelector('[data-path^="/%s/"]') !== null`, version, version))
}

// story is by which methods of HTTP the examples of v2 tell their story: those of products, then those of orders.
const story = "POST GET GET PATCH POST GET GET PATCH POST POST POST POST DELETE POST"

func TestReference(t *testing.T) {
	service := program.Start(t, process.Config{Args: []string{"--sample-data"}})
	b := open(t, service)

	b.do(chromedp.Navigate(service.URL("/")))
	if heading := eval[string](b, `document.querySelector("h1").innerText`); heading != "OrderManagement" {
		t.Errorf("the first page's heading is %q", heading)
	}
	if example := eval[string](b, `document.querySelector("pre").innerText`); !strings.Contains(example, service.URL("/v2/orders")) {
		t.Errorf("the first page's example is not for this service: %s", example)
	}
	b.screenshot("landing")
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(`a[href="/docs"]`))); err != nil {
		t.Fatal(err)
	}

	showsVersion(b, "v2")
	if first := eval[string](b, `Array.from(document.querySelectorAll(".opblock-summary"), e => e.innerText.split("\n")[0]).join(" ")`); first != story {
		t.Errorf("the operations are not in the order of their story: %s", first)
	}
	b.screenshot("reference-v2")
	b.do(chromedp.SendKeys(chromedp.CSS(`.topbar select`), "v1"))
	showsVersion(b, "v1")
	b.do(chromedp.Reload()) // the address says what is shown
	showsVersion(b, "v1")
	b.screenshot("reference-v1")
	b.do(chromedp.SendKeys(chromedp.CSS(`.topbar select`), "v2"))
	showsVersion(b, "v2")

	// Without a token the service says what is missing.
	getOrder.try(b)
	b.fill(getOrder.path(), "from-the-browser")
	b.intendsStatus(401)
	if status, body := getOrder.execute(b); status != "401" {
		t.Errorf("without a token: %s %v", status, body)
	}
	getOrder.again(b)

	b.click(`.auth-wrapper .authorize`)
	b.fill(`.auth-container input`, service.Token(t))
	b.click(`.auth-btn-wrapper .authorize`)
	b.click(`.auth-btn-wrapper .btn-done`)

	createProduct.try(b) // with what the document gives as an example
	if status, body := createProduct.execute(b); status != "200" {
		t.Errorf("CreateProduct: %s %v", status, body)
	}

	createOrder.try(b)
	b.fill(createOrder.parameter("orderId"), "from-the-browser")
	b.fill(createOrder.body(), `{
  "currencyCode": "EUR",
  "destination": "Lisbon",
  "lineItems": [{"title": "Lamp", "quantity": 2, "unitPrice": {"currencyCode": "EUR", "units": "19", "nanos": 990000000}}]
}`)
	status, made := createOrder.execute(b)
	if status != "200" || made["name"] != "orders/from-the-browser" || made["state"] != "DRAFT" {
		t.Fatalf("CreateOrder: %s %v", status, made)
	}
	b.screenshot("created")

	status, read := getOrder.execute(b)
	if status != "200" || read["etag"] != made["etag"] || read["destination"] != "Lisbon" {
		t.Errorf("GetOrder: %s %v", status, read)
	}
	b.screenshot("read")

	updateOrder.try(b)
	b.fill(updateOrder.path(), "from-the-browser")
	b.fill(updateOrder.parameter("updateMask"), "destination") // the document has others for an example
	b.fill(updateOrder.body(), `{"destination": "Porto"}`)
	b.fill(updateOrder.parameter("If-Match"), `"of-another-version"`)
	b.intendsStatus(412)
	if status, body := updateOrder.execute(b); status != "412" || !strings.Contains(fmt.Sprint(body), "IF_MATCH_FAILED") {
		t.Errorf("UpdateOrder with the tag of another version: %s %v", status, body)
	}
	b.screenshot("precondition-failed")
	updateOrder.again(b)
	b.fill(updateOrder.parameter("If-Match"), fmt.Sprint(made["etag"]))
	if status, body := updateOrder.execute(b); status != "200" || body["destination"] != "Porto" {
		t.Errorf("UpdateOrder with the tag: %s %v", status, body)
	}
}
