package access

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

// A coverage is what golden cases have shown: "allow StringEquals", "none aws:SourceIp".
type coverage map[string]bool

// add notes what a case shows: of a decision by a statement its conditions and its form of
// principal; of a case that nothing allows, the conditions that alone kept a statement
// from applying.
func (c coverage) add(g *goldenCase, d Decision, policies []*Policy) {
	c["step "+fmt.Sprint(d.Step)] = true
	r := &g.request
	if d.Statement != nil && (g.want == "allow" || g.want == "deny") {
		for i := range d.Statement.conditions {
			c.condition(g.want, &d.Statement.conditions[i])
		}
		if es := d.Statement.principal; es != nil {
			for _, form := range es.forms(&r.Principal) {
				c[g.want+" "+form] = true
			}
		}
	}
	if g.want != "none" {
		return
	}
	e := newEval(r)
	for _, p := range policies {
		for i := range p.statements {
			s := &p.statements[i]
			if !s.names(&e) || s.match(&e, r.Resource.ARN) != no && s.principal == nil {
				continue
			}
			if s.principal != nil && s.principal.match(&r.Principal) == nobody {
				for _, form := range s.principal.forms(nil) {
					c["none "+form] = true
				}
				continue
			}
			if len(s.conditions) == 1 {
				c.condition("none", &s.conditions[0])
			}
		}
	}
}

func (c coverage) condition(want string, cond *condition) {
	c[want+" "+cond.operator()] = true
	c[want+" "+cond.key.Name] = true
}

// forms names the forms of principal that match a caller, or all there are.
func (es *entities) forms(p *Principal) (list []string) {
	if es.everyone {
		list = append(list, "everyone")
	}
	if es.not {
		list = append(list, "NotPrincipal")
	}
	for i := range es.list {
		e := &es.list[i]
		if p != nil && e.match(p) == nobody {
			continue
		}
		form := e.Type
		if e.Type == "AWS" {
			form, _, _ = strings.Cut(strings.SplitN(e.Value, ":", 6)[5], "/")
		}
		list = append(list, form)
	}
	return list
}

// TestGoldenIsComplete demands cases of every operator with every modifier, every key, every
// form of principal and every step of the evaluation.
func TestGoldenIsComplete(t *testing.T) {
	c := coverage{}
	refused := map[string]bool{}
	for _, g := range goldens(t) {
		for i := range g.cases {
			d, _ := g.cases[i].run()
			c[g.cases[i].want] = true
			c.add(&g.cases[i], d, g.policies)
		}
		for _, r := range g.refusals {
			if _, key, ok := strings.Cut(r.reason, "cannot be enforced: "); ok {
				refused[key] = true
			}
		}
	}
	var want []string
	three := func(what string) { want = append(want, "allow "+what, "deny "+what, "none "+what) }
	for i := range operators {
		three(operators[i].name)
		if operators[i].family == compareNull {
			continue
		}
		for _, set := range []setOperator{single, forAll, forAny} {
			for _, ifExists := range []bool{false, true} {
				cond := condition{op: &operators[i], set: set, ifExists: ifExists}
				three(cond.operator())
			}
		}
	}
	for i := range Keys {
		if k := &Keys[i]; k.From != Nowhere {
			three(k.Name)
		} else if !refused[k.Name] {
			t.Errorf("no case shows that a policy with %s is refused", k.Name)
		}
	}
	for _, form := range []string{"root", "user", "role", "assumed-role", "federated-user", "CanonicalUser", "Service", "Federated"} {
		three(form)
	}
	want = append(want, "allow everyone", "deny everyone", "deny NotPrincipal", "AllAllowed", "AllDenied", "AskEach")
	for s := range stepTexts {
		want = append(want, "step "+Step(s).String())
	}
	sort.Strings(want)
	for _, w := range want {
		if !c[w] {
			t.Errorf("no golden case: %s", w)
		}
	}
}

// TestActions puts each action of S3 into a policy of each kind of resource: S3 takes it where
// the action is done to such a resource.
func TestActions(t *testing.T) {
	if len(actions) != 180 || len(actionIndex) != 180 {
		t.Errorf("the table has %d actions, %d of them different", len(actions), len(actionIndex))
	}
	places := []struct {
		kind     Kind
		resource string
		on       resourceType
	}{
		{BucketPolicy, BucketARN(testBucket), onBucket},
		{BucketPolicy, ObjectARN(testBucket, "*"), onObject},
		{BucketPolicy, BucketARN(testBucket) + "*", onBucket | onObject},
		{AccessPointPolicy, testPoint, onAccessPoint},
		{AccessPointPolicy, testPoint + "/object/*", onPointObject},
	}
	for _, a := range actions {
		for _, p := range places {
			text := fmt.Sprintf(`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": %q, "Resource": %q}}`, a.name, p.resource)
			_, err := Parse(p.kind, []byte(text), Options{Bucket: testBucket, AccessPoint: testPoint})
			if fits := a.on&p.on != 0; fits != (err == nil) {
				t.Errorf("%s on %s: %v", a.name, p.resource, err)
			}
		}
		p := mustParse(t, ManagedPolicy, fmt.Sprintf(`{"Statement": {"Effect": "Allow", "Action": %q, "Resource": "*"}}`, strings.ToUpper(a.name)))
		for _, b := range actions {
			d := Decide(&Request{Principal: Principal{Kind: User, Account: testAccount(ours)}, Identity: []*Policy{p}, Action: b.name,
				Resource: Resource{ARN: "*", Owner: testAccount(ours)}})
			if d.Allowed != (a == b) {
				t.Errorf("a policy that allows %s: %s is %s", a.name, b.name, d)
			}
		}
	}
}

// TestKeysApply puts each key into a bucket's policy with each action: S3 takes it where the
// action has the key.
func TestKeysApply(t *testing.T) {
	values := map[KeyType][2]string{String: {"StringEquals", "x"}, Numeric: {"NumericEquals", "1"}, Date: {"DateEquals", "2026"}, Bool: {"Bool", "true"},
		IPAddress: {"IpAddress", "10.0.0.1"}, ARN: {"ArnEquals", "arn:aws:s3:::x"}}
	for i := range Keys {
		k := &Keys[i]
		if k.From == Nowhere || !strings.HasPrefix(k.Name, "s3:") && !strings.HasPrefix(k.Name, "aws:") {
			continue
		}
		name := k.Name
		if k.tagged() {
			name += "x"
		}
		listed := map[string]bool{}
		for _, a := range strings.Fields(k.Actions) {
			if _, ok := actionIndex["s3:"+a]; !ok {
				t.Errorf("%s: S3 has no action %s", k.Name, a)
			}
			listed["s3:"+a] = true
		}
		for _, a := range actions {
			if a.on&(onBucket|onObject) == 0 {
				continue
			}
			has := len(listed) == 0 && (k.on == 0 || a.on&k.on != 0) || listed[a.name]
			text := fmt.Sprintf(`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": %q, "Resource": "*", "Condition": {%q: {%q: %q}}}}`,
				a.name, values[k.Type][0], name, values[k.Type][1])
			if _, err := Parse(BucketPolicy, []byte(text), Options{Bucket: testBucket}); has != (err == nil) {
				t.Errorf("%s with %s: %v", a.name, k.Name, err)
			}
		}
	}
}

func mustParse(t testing.TB, kind Kind, text string) *Policy {
	t.Helper()
	p, err := Parse(kind, []byte(text), Options{Bucket: testBucket, AccessPoint: testPoint})
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return p
}
